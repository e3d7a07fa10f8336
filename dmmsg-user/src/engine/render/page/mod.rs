//! The exporter's page: what is traced, for people.
//!
//! All of it is in one document, which the server writes. Its script only puts the document's newer
//! self in its place, so that who has no script sees the numbers as of loading the page.

mod chart;
mod html;
mod tables;

use self::html::Html;
use crate::engine::metrics::{METRICS, Metric, Snapshot, Value};

/// The style, whose hash is in [`POLICY`].
pub const STYLE: &str = include_str!("style.css");
/// The script, whose hash is in [`POLICY`].
pub const SCRIPT: &str = include_str!("script.js");

/// The header `Content-Security-Policy`: nothing but this style and this script, and no host but ours.
pub const POLICY: &str = "default-src 'none'; \
    style-src 'sha256-jS6t242eYVA+CLuaVUirgI8Rg2fvjoju/fyr+WRXzIU='; \
    script-src 'sha256-kr+3d94jcUL4e9Z4X6UaO57m5K/jnyDeQh1UjV1DaZs='; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page of a snapshot.
pub fn page(snapshot: &Snapshot) -> Vec<u8> {
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<title>dmmsg-exporter</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
    html.raw(
        "<header><h1>dmmsg-exporter</h1><p class=\"faint\">Messages to device-mapper targets, ",
    );
    html.raw("counted since the exporter started</p></header>\n<main>\n");
    state(&mut html, snapshot);
    totals(&mut html, snapshot);
    tables::latency(&mut html, snapshot);
    tables::ioctls(&mut html, snapshot);
    tables::probes(&mut html, snapshot);
    tables::devices(&mut html, snapshot);
    html.raw(
        "</main>\n<footer><p><a href=\"/metrics\">metrics</a>, <a href=\"/healthz\">health</a>; ",
    );
    html.raw("version ")
        .text(env!("CARGO_PKG_VERSION"))
        .raw("; <span id=\"live\">as of loading this ");
    html.raw("page</span></p></footer>\n<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    html.into_bytes()
}

/// Says whether all is seen, in a line for each reason why not.
fn state(html: &mut Html, snapshot: &Snapshot) {
    let wanted = snapshot.probes.len();
    let missing = snapshot.probes.iter().filter(|probe| !probe.attached).count();
    let lost: u64 = snapshot.lost.iter().map(|(_, count)| count).sum();
    if missing > 0 || wanted == 0 {
        html.raw("<p class=\"bad\">").text(wanted - missing).raw(" of ").text(wanted);
        html.raw(" probes are attached: not all is seen.</p>\n");
    }
    if lost > 0 {
        html.raw("<p class=\"bad\">").text(lost).raw(" calls were seen and not counted: ");
        let mut comma = "";
        for (stage, count) in snapshot.lost.iter().filter(|(_, count)| *count > 0) {
            html.raw(comma).text(count).raw(" by ").text(stage);
            comma = ", ";
        }
        html.raw(".</p>\n");
    }
    if missing == 0 && wanted > 0 && lost == 0 {
        html.raw("<p class=\"good\">All ").text(wanted);
        html.raw(" probes are attached, and nothing was lost.</p>\n");
    }
}

fn totals(html: &mut Html, snapshot: &Snapshot) {
    let total = |name| {
        METRICS.iter().find(|metric| metric.name == name).map_or(0, |metric| sum(metric, snapshot))
    };
    html.raw("<dl>\n");
    let numbers = [
        ("Messages", "dmmsg_messages_total"),
        ("Failed", "dmmsg_message_errors_total"),
        ("In flight", "dmmsg_in_flight_messages"),
        ("With keys", "dmmsg_secrets_redacted_total"),
        ("Not counted", "dmmsg_events_lost_total"),
    ];
    for (title, metric) in numbers {
        html.raw("<div id=\"").text(metric).raw("\"><dt>").text(title).raw("</dt><dd>");
        html.number(total(metric)).raw("</dd></div>\n");
    }
    html.raw("<div id=\"dmmsg_oldest_in_flight_seconds\"><dt>Oldest in flight</dt><dd>");
    html.duration(snapshot.oldest_in_flight_ns).raw("</dd></div>\n</dl>\n");
}

/// The sum of a metric's series.
fn sum(metric: &Metric, snapshot: &Snapshot) -> u64 {
    let samples = (metric.samples)(snapshot).into_iter();
    samples.map(|sample| if let Value::Number(number) = sample.value { number } else { 0 }).sum()
}
