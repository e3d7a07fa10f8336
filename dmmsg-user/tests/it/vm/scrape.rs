//! What a real Prometheus makes of the exporter, which it scrapes each second.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    exporter::{self, Exporter},
    guest::{Device, Guest, crypt_table},
    in_flight::Pool,
    oracle::{self, Sent},
    prometheus::{Labels, Prometheus, check_metrics, get},
};

const JOB: &str = "dmmsg";

/// Rules and panels that have nothing to show where all is well, and where the kernel does not count
/// how long its programs run.
const WITHOUT_DATA: &[&str] = &[
    "Cost of a probe",
    "DmmsgEventsLost",
    "DmmsgExporterDown",
    "DmmsgMessageStuck",
    "DmmsgNoExporter",
    "DmmsgProbeNotAttached",
];

/// Starts both; `None` where the guest has no Prometheus, having said so.
fn start(words: &[&str]) -> Option<(Exporter, Prometheus)> {
    let prometheus = Prometheus::start(&[(JOB, exporter::ADDRESS)])?;
    let exporter = Exporter::start(words);
    prometheus.wait_for_scrapes(JOB, 2);
    Some((exporter, prometheus))
}

/// Values by the one label that the series have.
fn by_label(series: Vec<(Labels, f64)>) -> BTreeMap<String, f64> {
    let entry =
        |(labels, value): (Labels, f64)| (labels.into_values().next().unwrap_or_default(), value);
    series.into_iter().map(entry).collect()
}

/// A count as Prometheus has it.
fn number(count: usize) -> f64 {
    f64::from(count as u32)
}

/// Sends messages that rules and panels show only while there are some: of three kinds, one a failure.
fn send_some(switch: &Device) {
    for text in ["set_region_mappings 0:0", "@stats_list", "bogus"] {
        switch.send(0, text.as_bytes());
    }
}

#[test]
fn vm_prometheus_counts_what_was_sent() {
    let Some(_guest) = Guest::enter() else { return };
    let Some((exporter, prometheus)) = start(&["--per-device", "4"]) else { return };

    let sent = oracle::live();
    prometheus.wait_for_scrapes(JOB, 2);
    let total = "sum(dmmsg_messages_total)";
    assert_eq!(prometheus.value(total), Some(number(sent.len())));
    let mut failed = BTreeMap::<_, f64>::new();
    for outcome in sent.iter().map(Sent::outcome).filter(|word| word.starts_with('E')) {
        *failed.entry(outcome.to_owned()).or_default() += 1.0;
    }
    let errors = prometheus.query("sum by (errno) (dmmsg_message_errors_total)");
    assert_eq!(by_label(errors), failed);
    let keys = prometheus.query("sum by (verb) (dmmsg_messages_total{target_type=\"crypt\"})");
    let keys = by_label(keys);
    for verb in ["key set", "key wipe"] {
        let count = sent.iter().filter(|sent| sent.text().starts_with(verb)).count();
        assert_eq!(keys.get(verb), Some(&number(count)), "{verb} in {keys:?}");
    }
    let durations = "sum(dmmsg_message_duration_seconds_count)";
    assert_eq!(prometheus.value(durations), Some(number(sent.len())));
    assert_eq!(prometheus.value("sum(dmmsg_events_lost_total)"), Some(0.0));
    prometheus.wait_for("ALERTS{alertname=\"DmmsgKeyOperation\",alertstate=\"firing\"} > 0");

    let metrics = get(exporter::ADDRESS, "/metrics").expect("the exporter has metrics");
    let verdict = check_metrics(&metrics);
    assert!(verdict.status.success(), "{verdict:?}");
    drop(exporter);
    prometheus.wait_for("up{job=\"dmmsg\"} == 0");
    prometheus.wait_for("ALERTS{alertname=\"DmmsgExporterDown\",alertstate=\"pending\"} > 0");
}

#[test]
fn vm_prometheus_evaluates_rules_and_dashboard() {
    let Some(_guest) = Guest::enter() else { return };
    let Some((_exporter, prometheus)) = start(&["--per-device", "4"]) else { return };
    let switch = Device::switch("paths");
    let crypt = Device::new("vault", &crypt_table());
    // Rates take two scrapes of a counter, and so do quantiles.
    for _ in 0..5 {
        send_some(&switch);
        // Refused, for the device is not suspended, and counted.
        crypt.send(0, b"key wipe");
        prometheus.wait_for_scrapes(JOB, 1);
    }
    prometheus.wait_for("ALERTS{alertname=\"DmmsgErrorRatio\",alertstate=\"pending\"} > 0");
    prometheus.wait_for("verb:dmmsg_message_duration_seconds:p99_5m");
    prometheus.check_rules();
    let mut without = prometheus.without_data();
    without.sort();
    assert_eq!(without, WITHOUT_DATA);
}

#[test]
fn vm_prometheus_has_the_bucket_of_a_known_delay() {
    let Some(_guest) = Guest::enter() else { return };
    let Some((_exporter, prometheus)) = start(&[]) else { return };
    let pool = Pool::new();
    let answer = pool.while_hanging("create_thin 0", || {
        prometheus.wait_for("dmmsg_in_flight_messages == 1");
        prometheus.wait_for("dmmsg_oldest_in_flight_seconds > 0.1");
    });
    assert_eq!(answer, 0);
    // That made the series; what is measured is how it grows.
    let count = "sum(dmmsg_message_duration_seconds_count{verb=\"create_thin\"})";
    prometheus.wait_for(&format!("{count} == 1"));
    let least = Duration::from_millis(700);
    let start = Instant::now();
    let answer = pool.while_hanging("create_thin 1", || std::thread::sleep(least));
    let most = start.elapsed();
    assert_eq!(answer, 0);
    prometheus.wait_for(&format!("{count} == 2"));

    let buckets =
        "sum by (le) (rate(dmmsg_message_duration_seconds_bucket{verb=\"create_thin\"}[1m]))";
    let median = prometheus.value(&format!("histogram_quantile(0.5, {buckets})"));
    let median = median.expect("a median");
    // Somewhere in the bucket that holds the delay: half of that to its double.
    let range = least.as_secs_f64() / 2.0..most.as_secs_f64() * 2.0;
    assert!(range.contains(&median), "{median} {range:?}");
    assert_eq!(prometheus.value("dmmsg_in_flight_messages"), Some(0.0));
}
