//! Rules are valid, and alerts fire when they should and else do not, as promtool finds.

use std::process::Command;

use super::{RULES, path};
use crate::require::promtool;

/// Runs promtool on a file of ours; what it prints, if it is content.
fn check(words: &[&str], file: &str) -> Option<String> {
    let output = Command::new(promtool()?).args(words).arg(path(file)).output();
    let output = output.expect("promtool starts");
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{printed}");
    Some(printed)
}

#[test]
fn promtool_takes_the_rules() {
    let file = "prometheus/dmmsg.rules.yml";
    let Some(printed) = check(&["check", "rules", "--lint=all", "--lint-fatal"], file) else {
        return;
    };
    let rules = RULES.matches(" expr: ").count();
    assert!(printed.contains(&format!("SUCCESS: {rules} rules found")), "{printed}");
}

#[test]
fn promtool_finds_alerts_fire_when_they_should() {
    check(&["test", "rules"], "prometheus/dmmsg.rules.test.yml");
}

#[test]
fn every_alert_is_tested_both_ways() {
    let tests = include_str!("../../../../deploy/prometheus/dmmsg.rules.test.yml");
    let alerts = RULES.lines().filter_map(|line| line.trim_start().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}, exp_alerts: [] }}")), "{alert}");
        assert!(tests.contains(&format!("alertname: {alert}\n        exp_alerts:\n")), "{alert}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    for alert in RULES.split("- alert: ").skip(1) {
        for field in ["severity: ", "summary: ", "description: >-\n"] {
            assert_eq!(alert.matches(field).count(), 1, "{field} in {alert}");
        }
        let severities = ["critical", "warning", "info"];
        assert!(severities.iter().any(|word| alert.contains(&format!("severity: {word}\n"))));
    }
}
