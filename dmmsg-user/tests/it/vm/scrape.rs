//! What Prometheus makes of a scrape each second.

use super::{
    guest::Guest,
    prometheus::{Prometheus, check_metrics, get},
};

const SERVER: &str = "127.0.0.1:9090";

// FIXME: the exporter's own metrics belong here; until it is there, the server watches itself.
#[test]
fn vm_prometheus_evaluates_rules_and_dashboard() {
    let Some(_guest) = Guest::enter() else { return };
    let Some(prometheus) = Prometheus::start(&[("prometheus", SERVER)]) else { return };
    prometheus.wait_for_scrapes("prometheus", 3);
    assert_eq!(prometheus.value("up"), Some(1.0));

    let labels = prometheus.query("count by (job, instance) (up)").remove(0).0;
    let labels = labels.into_iter().map(|(name, value)| format!("{name}={value}"));
    assert_eq!(labels.collect::<Vec<_>>(), ["instance=127.0.0.1:9090", "job=prometheus"]);

    let quantile = "histogram_quantile(0.5, sum by (le) \
                    (rate(prometheus_http_request_duration_seconds_bucket[1m]))) > 0";
    let (_, seconds) = prometheus.wait_for(quantile).remove(0);
    assert!(seconds < 10.0, "{seconds}");

    prometheus.wait_for("ALERTS{alertname=\"DmmsgNoExporter\",alertstate=\"pending\"}");
    prometheus.check_rules();
    let without = prometheus.without_data();
    assert!(!without.contains(&"DmmsgNoExporter".to_owned()), "{without:?}");
    assert!(without.contains(&"DmmsgExporterDown".to_owned()), "{without:?}");

    let metrics = get(SERVER, "/metrics").expect("the server has metrics");
    // Its own names break rules here and there, which is a 3; 1 would be a syntax error.
    let verdict = check_metrics(&metrics);
    assert!(matches!(verdict.status.code(), Some(0 | 3)), "{verdict:?}");
}
