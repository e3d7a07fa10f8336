//! Rules and dashboard ask for metrics, and for labels, that there are.

use std::collections::BTreeSet;

use super::{
    DASHBOARD, RULES,
    expressions::{self, Expression},
};

/// What the exporter has, with the suffixes that its types give it, and each one's labels.
const METRICS: &[(&str, &[&str], &[&str])] = &[
    ("dmmsg_build_info", INFO, &["version"]),
    ("dmmsg_device_info", INFO, &["device", "name"]),
    ("dmmsg_dm_ioctls_total", INFO, &["command", "errno"]),
    ("dmmsg_events_lost_total", INFO, &["stage"]),
    ("dmmsg_in_flight_messages", INFO, &[]),
    ("dmmsg_message_duration_seconds", HISTOGRAM, &["target_type", "verb"]),
    ("dmmsg_message_errors_total", INFO, &["target_type", "verb", "errno"]),
    ("dmmsg_message_size_bytes", HISTOGRAM, &["target_type"]),
    ("dmmsg_messages_total", INFO, &["target_type", "verb", "interface", "device"]),
    ("dmmsg_oldest_in_flight_seconds", INFO, &[]),
    ("dmmsg_probe_attached", INFO, &["probe", "rung"]),
    ("dmmsg_probe_hits_total", INFO, &["probe"]),
    ("dmmsg_probe_run_seconds_total", INFO, &["probe"]),
    ("dmmsg_secrets_redacted_total", INFO, &[]),
];
const INFO: &[&str] = &[""];
const HISTOGRAM: &[&str] = &["_bucket", "_sum", "_count"];

/// What the server adds to every series.
const ADDED: &[&str] = &["job", "instance"];

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The names in a text that stand for metrics of ours, recorded ones among them.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c| !is_part(c));
    words.filter(|word| word.starts_with("dmmsg_") || word.contains(":dmmsg_"))
}

fn exporter_has(name: &str) -> bool {
    METRICS.iter().any(|(metric, suffixes, _)| {
        name.strip_prefix(metric).is_some_and(|suffix| suffixes.contains(&suffix))
    })
}

#[test]
fn every_metric_is_one_that_the_exporter_has_or_a_rule_records() {
    let rules = expressions::of_rules();
    let recorded = rules.iter().map(|rule| &*rule.name).collect::<BTreeSet<_>>();
    let mut used = BTreeSet::new();
    let dashboard = expressions::of_dashboard();
    for Expression { name, text } in rules.iter().chain(&dashboard) {
        for metric in names(text) {
            assert!(exporter_has(metric) || recorded.contains(metric), "{name}: {metric}");
            used.insert(metric);
        }
    }
    // Descriptions and the queries for variables name metrics too.
    for metric in [RULES, DASHBOARD].into_iter().flat_map(names) {
        assert!(exporter_has(metric) || recorded.contains(metric), "{metric}");
    }
    for (metric, suffixes, _) in METRICS {
        let is_used = suffixes.iter().any(|suffix| used.contains(&*format!("{metric}{suffix}")));
        assert!(is_used, "no rule and no panel shows {metric}");
    }
}

/// Labels in selectors and in lists after `by`, `without`, `on` and `group_left`.
fn labels(text: &str) -> BTreeSet<&str> {
    let mut labels = BTreeSet::new();
    for word in ["by (", "without (", "on (", "group_left ("] {
        for list in text.split(word).skip(1) {
            labels.extend(list.split(')').next().expect("a list").split(", "));
        }
    }
    for selector in text.split('{').skip(1) {
        let mut rest = selector.split('}').next().expect("a selector");
        // A name, an operator, and a value in quotes, which may hold commas.
        while let Some((name, after)) = rest.split_once(['=', '!']) {
            labels.insert(name.trim_start_matches(','));
            rest = after.splitn(3, '"').nth(2).expect("a quoted value");
        }
    }
    labels.retain(|label| !label.is_empty());
    labels
}

#[test]
fn every_label_is_one_of_the_metrics_that_it_is_asked_of() {
    let of_all = METRICS.iter().flat_map(|(.., labels)| *labels).chain(ADDED);
    // Prometheus' own: of histograms, and of alerts.
    let known = of_all.chain(&["le", "alertname", "alertstate"]).collect::<BTreeSet<_>>();
    let all = expressions::of_rules().into_iter().chain(expressions::of_dashboard());
    for Expression { name, text } in all {
        for label in labels(&text) {
            assert!(known.contains(&label), "{name}: {label}");
        }
    }
    let sample = r#"sum by (a, b) (x{c="1,2",d!~"="} * on (e) group_left () y)"#;
    assert_eq!(labels(sample).into_iter().collect::<String>(), "abcde");
}
