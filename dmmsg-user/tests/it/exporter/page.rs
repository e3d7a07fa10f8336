//! The page for people.

use std::collections::BTreeMap;

use dmmsg::engine::{
    metrics::Format,
    render::page::{POLICY, SCRIPT, STYLE, page},
};
use sha2::{Digest as _, Sha256};

use super::{
    formats::encoded,
    snapshots::{HOSTILE_NAMES, by_device, few, well},
};
use dmmsg::engine::metrics::Snapshot;

fn html(snapshot: &Snapshot) -> String {
    String::from_utf8(page(snapshot)).unwrap()
}

/// The text between two others.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap().0
}

/// The value for programs of the first number in a text.
fn value(text: &str) -> u64 {
    between(text, "<data value=\"", "\"").parse().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

#[test]
fn the_policy_admits_this_style_and_this_script() {
    for (directive, text) in [("style-src", STYLE), ("script-src", SCRIPT)] {
        let hash = base64(&Sha256::digest(text));
        assert!(POLICY.contains(&format!("{directive} 'sha256-{hash}';")), "{directive}: {hash}");
    }
    assert!(POLICY.starts_with("default-src 'none';"));
    let page = html(&by_device());
    assert!(page.contains(&format!("<style>{STYLE}</style>")));
    assert!(page.contains(&format!("<script>{SCRIPT}</script>")));
    for forbidden in [" style=", " onclick=", " src=", "javascript:", "//"] {
        let own = page.replace(STYLE, "").replace(SCRIPT, "");
        assert!(!own.contains(forbidden), "{forbidden}");
    }
}

/// Values by series.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.map(|line| line.rsplit_once(' ').unwrap());
    values.map(|(name, value)| (name, value.parse().unwrap())).collect()
}

#[test]
fn the_numbers_are_those_of_the_metrics() {
    let snapshot = few();
    let (page, text) = (html(&snapshot), encoded(Format::Text, &snapshot));
    let series = series(&text);
    for metric in [
        "dmmsg_messages_total",
        "dmmsg_message_errors_total",
        "dmmsg_in_flight_messages",
        "dmmsg_secrets_redacted_total",
        "dmmsg_events_lost_total",
    ] {
        let of = series.iter().filter(|(name, _)| name.split('{').next() == Some(metric));
        let sum: f64 = of.map(|(_, value)| value).sum();
        let shown = value(between(&page, &format!("<div id=\"{metric}\">"), "</div>"));
        assert_eq!(shown.to_string(), sum.to_string(), "{metric}");
    }
    let messages = between(&page, "<section id=\"messages\">", "</section>");
    let rows = messages.split("<tr><th scope=\"row\">").skip(1);
    let mut count = 0;
    for row in rows {
        let target_type = row.split("</th>").next().unwrap();
        let [verb, interface] =
            ["Verb", "Interface"].map(|of| between(row, &format!("data-of=\"{of}\">"), "</td>"));
        let labels =
            format!("target_type=\"{target_type}\",verb=\"{verb}\",interface=\"{interface}\"");
        let calls = value(between(row, "data-of=\"Calls\">", "</td>"));
        let counted = series[format!("dmmsg_messages_total{{{labels}}}").as_str()];
        assert_eq!(calls.to_string(), counted.to_string());
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn no_name_is_markup() {
    let page = html(&by_device());
    let devices = between(&page, "<section id=\"devices\">", "</section>");
    let names: Vec<_> = devices
        .split("data-of=\"Name\">")
        .skip(1)
        .map(|rest| rest.split("</td>").next().unwrap())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names.len(), HOSTILE_NAMES.len());
    for name in &names {
        assert!(!name.contains(['<', '>', '"', '\'', '\n', '\u{202e}', '\u{1b}']), "{name}");
    }
    assert_eq!(names[2], "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_eq!(names[5], "\\xff\\xfe\\x80");
    assert_eq!(page.matches("<script>").count(), 1);
}

#[test]
fn who_looks_sees_what_is_wrong() {
    let line = |snapshot: &Snapshot| between(&html(snapshot), "<main>\n", "<dl>").to_owned();
    assert_eq!(
        line(&well()),
        "<p class=\"good\">All 2 probes are attached, and nothing was lost.</p>\n"
    );
    let lossy = Snapshot { lost: vec![("table", 3), ("slots", 0)], ..few() };
    assert_eq!(
        line(&lossy),
        "<p class=\"bad\">1 of 2 probes are attached: not all is seen.</p>\n\
         <p class=\"bad\">3 calls were seen and not counted: 3 by table.</p>\n"
    );
    assert!(html(&Snapshot::default()).contains("No message has returned yet."));
}
