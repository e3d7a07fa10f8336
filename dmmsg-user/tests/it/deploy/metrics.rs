//! Rules and dashboard ask for metrics, and for labels, that there are.

use std::collections::BTreeSet;

use dmmsg::engine::metrics::{METRICS, Metric, Type};

use super::{
    DASHBOARD, RULES,
    expressions::{self, Expression},
};

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

/// What the names of a metric's series end in.
const fn suffixes(metric: &Metric) -> &'static [&'static str] {
    match metric.kind {
        Type::Histogram(_) => &["_bucket", "_sum", "_count"],
        Type::Counter | Type::Gauge | Type::Info => &[""],
    }
}

fn exporter_has(name: &str) -> bool {
    METRICS.iter().any(|metric| {
        let suffix = name.strip_prefix(metric.name);
        suffix.is_some_and(|suffix| suffixes(metric).contains(&suffix))
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
    for metric in METRICS {
        let names = suffixes(metric).iter().map(|suffix| format!("{}{suffix}", metric.name));
        let is_used = names.into_iter().any(|name| used.contains(&*name));
        assert!(is_used, "no rule and no panel shows {}", metric.name);
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
    let of_all = METRICS.iter().flat_map(|metric| metric.labels).chain(ADDED);
    let of_all = of_all.chain(METRICS.iter().filter_map(|metric| metric.device_label.as_ref()));
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
