//! Histograms of real runs.

use std::{collections::BTreeMap, fs};

use super::{
    direct::{DM_MESSAGE, message},
    guest::{Device, Guest, rungs},
    row::Row,
    tracer::{Run, Tracer},
};

const FILE: &str = "/tmp/hist.cap";

fn replay(words: &[&str]) -> Run {
    Tracer::replay(FILE, words)
}

fn send_messages(paths: &Device) {
    for _ in 0..30 {
        paths.send(0, b"set_region_mappings 0:0");
    }
    for verb in [&b"bogus"[..], b"set_region_mapping", b"explode 1"] {
        paths.send(0, verb);
    }
    for text in [&b"@stats_list"[..], b"@stats_list dmstats"] {
        paths.send(0, text);
    }
    paths.send_direct(DM_MESSAGE, &message(0, 4, 0, b""));
    paths.send_direct(0xfd01, &message(0, 4, 0, b""));
}

/// Latencies of rows, by what the rows say of the messages' kind; in order of size.
fn latencies(rows: &[Row]) -> BTreeMap<String, Vec<u64>> {
    let mut latencies = BTreeMap::<_, Vec<_>>::new();
    for row in rows {
        let interface = row.cell("/msg/interface");
        let kind = match (&*interface, &*row.cell("/msg/tag")) {
            ("direct", _) if row.cell("/msg/cmd") == DM_MESSAGE.to_string() => {
                "direct switch DM_MESSAGE".to_owned()
            }
            ("direct", _) => "direct switch other".to_owned(),
            (_, tag @ ("set_region_mappings" | "@stats_list")) => format!("control switch {tag}"),
            _ => "control switch other".to_owned(),
        };
        latencies.entry(kind).or_default().push(row.number("/latency_ns/total"));
    }
    for values in latencies.values_mut() {
        values.sort_unstable();
    }
    latencies
}

#[test]
fn vm_histograms_count_what_rows_show() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    for &rung in rungs() {
        let words = ["-w", FILE, "-o", "hist-json", "-F", "--probe", rung];
        let tracer = Tracer::start_with(&words);
        send_messages(&paths);
        let live = tracer.stop();
        assert_eq!(replay(&["-o", "hist-json", "-F"]).stdout, live.stdout);
        assert_eq!(live.totals(), "seen 37 = delivered 37 + lost 0 + filtered 0");

        let expected = latencies(&replay(&["-o", "json"]).rows());
        let hists = live.of_type("hist");
        let names = ["/msg/interface", "/msg/target_type", "/msg/tag"];
        let found = hists.iter().map(|hist| hist.cells(&names)).collect::<Vec<_>>();
        assert_eq!(found, expected.keys().cloned().collect::<Vec<_>>());
        for (hist, exact) in hists.iter().zip(expected.values()) {
            assert_eq!(hist.number("/count"), exact.len() as u64, "{hist:?}");
            assert_eq!(Some(&hist.number("/max")), exact.last());
            let median = exact[(exact.len() - 1) / 2];
            assert!(hist.number("/p50").abs_diff(median) <= median / 8, "{hist:?} {exact:?}");
        }
    }
    fs::remove_file(FILE).expect("the capture is removed");
}

#[test]
fn vm_histograms_come_at_intervals() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let each = Tracer::start("-o hist-json 100ms");
    let bars = Tracer::start("-o hist -D 100ms 2");
    send_messages(&paths);
    // Ended by its two intervals.
    let bars = bars.end();
    assert_eq!(bars.code, Some(0));
    let is_title = |line: &&String| line.starts_with("latency of ") || line.starts_with("no mess");
    assert!(bars.stdout.iter().filter(is_title).count() >= 2, "{bars:?}");
    send_messages(&paths);
    let run = each.stop();
    let hists = run.of_type("hist");
    assert_eq!(hists.iter().map(|hist| hist.number("/count")).sum::<u64>(), 74, "{run:?}");
    assert!(hists.iter().all(|hist| !hist.at("/time").is_null()), "{run:?}");
    assert_eq!((run.code, run.of_type("stats").len()), (Some(0), 1));
}
