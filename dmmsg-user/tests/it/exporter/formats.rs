//! The text formats.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use dmmsg::engine::metrics::{self, Format, METRICS, Snapshot, series_at_most};
use expect_test::expect_file;

use super::snapshots::{all, by_device, few};
use crate::require::promtool;

pub fn encoded(format: Format, snapshot: &Snapshot) -> String {
    String::from_utf8(metrics::encode(format, snapshot).unwrap()).unwrap()
}

#[test]
fn a_few_calls_as_text() {
    expect_file!["few.prom"].assert_eq(&encoded(Format::Text, &few()));
}

#[test]
fn a_few_calls_as_openmetrics() {
    expect_file!["few.openmetrics"].assert_eq(&encoded(Format::OpenMetrics, &few()));
}

#[test]
fn nothing_counted_yet() {
    let text = encoded(Format::Text, &Snapshot::default());
    assert!(text.contains("\ndmmsg_in_flight_messages 0\n"), "{text}");
    assert!(!text.contains("dmmsg_messages_total"), "{text}");
    assert!(encoded(Format::OpenMetrics, &Snapshot::default()).ends_with("# EOF\n"));
}

#[test]
fn device_names_stay_within_their_quotes() {
    let text = encoded(Format::Text, &by_device());
    let is_device = |line: &&str| line.contains("device");
    let told = text.split_inclusive('\n').filter(is_device).collect::<String>();
    expect_file!["devices.prom"].assert_eq(&told);
    let plain = encoded(Format::Text, &few());
    let is_name = |line: &&str| !line.contains("device");
    let rest = |text: &str| text.lines().filter(is_name).count();
    assert_eq!(rest(&text), rest(&plain) - 5, "the messages' series alone have devices");
}

/// Whether promtool is content with a text, and what it says.
fn promtool_says(promtool: &Path, text: &str) -> (bool, String) {
    let mut promtool = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn promtool_has_nothing_to_say() {
    let Some(promtool) = promtool() else { return };
    for snapshot in [few(), by_device(), all(0), Snapshot::default()] {
        let said = promtool_says(&promtool, &encoded(Format::Text, &snapshot));
        assert_eq!(said, (true, String::new()));
    }
}

/// The part of a line that names its series.
fn series(line: &str) -> &str {
    line.rsplit_once(' ').unwrap().0
}

#[test]
fn series_are_bounded() {
    for devices in [0, 3] {
        let text = encoded(Format::Text, &all(devices));
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let names: BTreeSet<_> = lines.clone().map(series).collect();
        assert_eq!(names.len(), lines.count(), "no series is told of twice");
        for metric in METRICS {
            let is_of = |name: &&&str| {
                let rest = name.strip_prefix(metric.name).unwrap_or("no");
                ["", "{", "_bucket{", "_sum", "_count"]
                    .iter()
                    .any(|suffix| rest == *suffix || !suffix.is_empty() && rest.starts_with(suffix))
            };
            let count = names.iter().filter(is_of).count() as u64;
            let most = metric.series_at_most(devices.into());
            // Of probes and stages there are less today.
            let has_room = metric.name.contains("probe") || metric.name.contains("lost");
            assert!(count == most || has_room && count <= most, "{}: {count} {most}", metric.name);
        }
        assert!(names.len() as u64 <= series_at_most(devices.into()));
    }
}

#[test]
fn labels_are_those_of_the_table() {
    for metric in METRICS {
        for snapshot in [few(), by_device(), all(2)] {
            let samples = (metric.samples)(&snapshot);
            let has_device = !snapshot.by_device.is_empty() && metric.device_label.is_some();
            let count = metric.labels.len() + usize::from(has_device);
            assert!(samples.iter().all(|sample| sample.labels.len() == count), "{}", metric.name);
        }
    }
}
