//! A histogram as bars, on an axis that all of them share.
//!
//! A bar stands for a classic bucket of `dmmsg_message_duration_seconds`, so that the picture and the
//! metric are of the same counts.

use super::html::Html;
use crate::engine::{histogram::Histogram, metrics::NANOSECONDS, render::duration::Duration};

/// Width of a bar with the gap behind it, and of the bar alone, in the picture's units.
const STEP: usize = 10;
const BAR: usize = 9;
/// Height of the highest bar, and of one that is only just there.
const HIGH: u64 = 100;
const LOW: u64 = 5;

/// Writes the bars of latencies in ns.
pub fn bars(html: &mut Html, latency: &Histogram) {
    let counts = NANOSECONDS.counts(latency);
    let highest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    html.raw("<svg role=\"img\" preserveAspectRatio=\"none\" viewBox=\"0 0 ");
    html.text(STEP * counts.len()).raw(" ").text(HIGH).raw("\" aria-label=\"");
    let mut comma = "";
    for (at, (_, count)) in counts.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
        html.raw(comma);
        told(html, &counts, at, *count);
        comma = ", ";
    }
    html.raw("\">");
    for (at, (_, count)) in counts.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
        let height = u128::from(*count) * u128::from(HIGH) / u128::from(highest.max(1));
        let height = u64::try_from(height).unwrap_or(HIGH).max(LOW);
        html.raw("<rect x=\"").text(at * STEP).raw("\" y=\"").text(HIGH - height);
        html.raw("\" width=\"").text(BAR).raw("\" height=\"").text(height).raw("\"><title>");
        told(html, &counts, at, *count);
        html.raw("</title></rect>");
    }
    html.raw("</svg>");
}

/// Writes what a bar tells.
fn told(html: &mut Html, counts: &[(Option<u64>, u64)], at: usize, count: u64) {
    let bound = |at: usize| counts.get(at).and_then(|(bound, _)| *bound).map(Duration);
    match (at.checked_sub(1).and_then(bound), bound(at)) {
        (None, Some(high)) => html.text(format_args!("below {high}")),
        (Some(low), Some(high)) => html.text(format_args!("{low} to {high}")),
        (Some(low), None) => html.text(format_args!("{low} and more")),
        (None, None) => html.text("all"),
    };
    html.text(format_args!(": {count}"));
}
