//! `docs/metrics.md`, written from the table.

use std::fmt::Write as _;

use super::{
    bound::series_at_most,
    buckets::{BYTES, Bounds, NANOSECONDS},
    native::ERROR_PERCENT,
    table::{METRICS, Metric},
};

/// Characters in a line at most.
const WIDTH: usize = 100;

/// Devices that can be told apart at most.
pub const DEVICES_MAX: u16 = 1000;

/// The whole document.
pub fn document() -> String {
    let mut out = HEAD.to_owned();
    for metric in METRICS {
        section(&mut out, metric);
    }
    histograms(&mut out);
    bound(&mut out);
    out
}

const HEAD: &str = "\
# Metrics of dmmsg-exporter

Written by the table that serves them (`dmmsg-user/src/engine/metrics/table.rs`); a test compares.

The kernel counts; a scrape reads what it has counted. So a scrape costs the same whatever the
traffic, and traffic costs the same whether anybody scrapes.

Every label but a device's name is of a closed set. `target_type` is a type of target that the
kernel's own tree has, `other`, or `none` where the message found no target. `verb` is a word of the
vocabulary (`dmmsg-trace --verbs`), `DM_MESSAGE`, `DM_MPATH_PROBE_PATHS`, or `other`. Errors that have
no name are `other`.

`/metrics` speaks Prometheus' text format, OpenMetrics text and Prometheus' protobuf, by the header
`Accept`. A metric without a series is left out. All counters start at 0 when the exporter starts.

";

fn section(out: &mut String, metric: &Metric) {
    let labels: Vec<_> = metric.all_labels().map(|label| format!("`{label}`")).collect();
    let labels = if labels.is_empty() { "none".into() } else { labels.join(", ") };
    let only = metric
        .device_label
        .map_or(String::new(), |label| format!(" (`{label}` only with `--per-device`)"));
    let unit = if metric.unit.is_empty() { "none" } else { metric.unit };
    let (name, kind) = (metric.name, metric.kind.name());
    let _ = writeln!(out, "## `{name}`\n");
    paragraph(out, &format!("{}. {}", metric.help, metric.note));
    let _ = writeln!(out, "- type: {kind}; unit: {unit}\n- labels: {labels}{only}");
    let _ = match metric.series_at_most(0) {
        0 => writeln!(out, "- series at most: one for each device told apart\n"),
        most => writeln!(out, "- series at most: {most}\n"),
    };
}

/// Appends words in lines of at most [`WIDTH`] characters, and an empty line.
fn paragraph(out: &mut String, text: &str) {
    let mut room = WIDTH;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if room == WIDTH {
            // The first word of a line.
        } else if len < room {
            out.push(' ');
            room -= 1;
        } else {
            out.push('\n');
            room = WIDTH;
        }
        out.push_str(word);
        room = room.saturating_sub(len);
    }
    out.push_str("\n\n");
}

fn histograms(out: &mut String) {
    let range = |bounds: &Bounds, unit| {
        let [first, last] =
            [bounds.first_log2, bounds.last_log2].map(|log2| bounds.scaled(1 << log2));
        format!("{} from {first} to {last} {unit}", bounds.len() - 1)
    };
    let (durations, sizes) = (range(&NANOSECONDS, "s"), range(&BYTES, "bytes"));
    out.push_str("## Histograms\n\n");
    paragraph(
        out,
        "The kernel counts in log-linear buckets, four between a power of two and the next. Two kinds \
         of buckets come from these.",
    );
    paragraph(
        out,
        &format!(
            "Classic buckets have powers of two for bounds: {durations} for durations, {sizes} for \
             sizes. Their counts are exact. One thing differs from the usual: a value that equals a \
             bound counts above it, since the kernel's buckets hold their lower bound and not their \
             upper one."
        ),
    );
    paragraph(
        out,
        &format!(
            "Native buckets are in protobuf alone, by schema 2. Each bucket of the kernel goes as a \
             whole to the native one that holds its middle. Count and sum are exact; the geometric \
             middle of a value's native bucket is at most {ERROR_PERCENT} % off the value. Zeros are in \
             the zero bucket, values from 68.7 s on in the bucket of 68.7 s. A Prometheus that takes \
             native histograms drops the classic ones unless it is told to keep both \
             (`always_scrape_classic_histograms`, before 3.0 `scrape_classic_histograms`), and queries \
             of `_bucket` series then find nothing."
        ),
    );
    paragraph(
        out,
        "Up to Prometheus 2, how the label `le` is written depends on the format: `1.024e-06` in \
         Prometheus' text, `0.000001024` in OpenMetrics. Prometheus 3 makes them one. Queries should \
         not compare it with a string.",
    );
}

fn bound(out: &mut String) {
    let large = METRICS.iter().filter(|metric| metric.series_at_most(0) > 1000);
    let large: Vec<_> =
        large.map(|metric| format!("{} of `{}`", metric.series_at_most(0), metric.name)).collect();
    let each = series_at_most(2) - series_at_most(1);
    out.push_str("## How many series there can be\n\n");
    paragraph(
        out,
        &format!(
            "At most {}, whatever senders do: every error of every verb on every type of target. A \
             series is there once it has counted something, so a machine that uses LVM and cryptsetup \
             has some hundreds. Among them are at most {}.",
            series_at_most(0),
            large.join(", "),
        ),
    );
    paragraph(
        out,
        &format!(
            "Each device told apart adds at most {each}: one for each kind of message that it got, and \
             its name. With `--per-device {DEVICES_MAX}`, the most that it takes, there are at most {}.",
            series_at_most(DEVICES_MAX.into()),
        ),
    );
    out.truncate(out.trim_end().len());
    out.push('\n');
}
