//! The time in a target's own method is measured, and its module may come and go.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use dmmsg::shell::kernel::control::Address;

use super::{
    guest::{Device, Guest, crypt_table, run, send},
    row::Row,
    tracer::Tracer,
};

/// Whether a kprobe sits on a function.
fn is_probed(function: &str) -> bool {
    let probes = fs::read_to_string("/sys/kernel/debug/kprobes/list").expect("probes are listed");
    probes.lines().any(|line| line.contains(function))
}

/// Whether the row has a time in the target, which is then part of the whole.
fn has_handler(row: &Row) -> bool {
    if row.at("/latency_ns/handler").is_null() {
        return false;
    }
    let (handler, total) = (row.number("/latency_ns/handler"), row.number("/latency_ns/total"));
    assert!(handler > 0 && handler <= total, "{row:?}");
    true
}

#[test]
fn vm_time_in_the_target_is_told() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let pool = Device::thin_pool("pool");
    let crypt = Device::new("secret", &crypt_table());
    run("dmsetup", ["suspend", "secret"]);
    let linear = Device::new("plain", "0 65536 linear /dev/ram10 0");
    let json = Tracer::start_on_each_rung("-o json");
    let wide = Tracer::start_on_each_rung("--wide");
    let cases: [(&Device, &[u8], bool); 8] = [
        (&paths, b"set_region_mappings 0:0", true),
        (&paths, b"bogus", true),
        (&paths, b"@stats_list", false),
        (&pool, b"create_thin 0", true),
        (&pool, b"delete 99", true),
        (&crypt, b"key wipe", true),
        (&linear, b"bogus", false),
        (&paths, b"", false),
    ];
    for (device, text, _) in cases {
        device.send(0, text);
    }
    send(Address::Name(b"nobody"), 0, b"hello");

    for run in Tracer::stop_all(json) {
        let rows = run.rows();
        let expected = cases.iter().map(|(_, _, reached)| *reached).chain([false]);
        let told = rows.iter().map(has_handler).collect::<Vec<_>>();
        assert_eq!(told, expected.collect::<Vec<_>>(), "{run:#?}");
    }
    for run in Tracer::stop_all(wide) {
        let end = run.stdout[0].find("HANDLER(us)").expect("the column is there") + 11;
        for (line, (_, text, reached)) in run.stdout.iter().skip(1).zip(cases) {
            let cell = line[..end].split_whitespace().next_back().expect("cells");
            let is_time = cell.parse::<f64>().is_ok_and(|time| time > 0.0);
            assert_eq!((is_time, cell == "-"), (reached, !reached), "{text:?}: {line}");
        }
    }
}

#[test]
fn vm_targets_are_probed_only_to_show_their_time() {
    let Some(_guest) = Guest::enter() else { return };
    let _paths = Device::switch("paths");
    for (words, probed) in [("", false), ("--wide", true), ("-o json", true)] {
        for tracer in Tracer::start_on_each_rung(words) {
            assert_eq!(is_probed("switch_message"), probed, "{words}");
            drop(tracer.stop());
        }
    }
}

/// Sends to a pool until all tracers' rows have a time in the target; gives what was sent.
fn send_until_measured(pool: &Device, tracers: &mut [Tracer], first: u32) -> Vec<String> {
    let start = Instant::now();
    let mut sent = Vec::new();
    loop {
        let text = format!("delete {}", first + u32::try_from(sent.len()).expect("few"));
        pool.send(0, text.as_bytes());
        sent.push(text);
        let rows = tracers.iter_mut().map(|tracer| Row::from_json(&tracer.wait_for_line().text));
        let rows: Vec<_> = rows.collect();
        if rows.iter().all(has_handler) {
            return sent;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "time in the target is measured");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn vm_modules_of_targets_come_and_go_while_we_trace() {
    let Some(_guest) = Guest::enter() else { return };
    let mut tracers = Tracer::start_on_each_rung("-o json");
    let paths = Device::switch("paths");
    let mut sent = Vec::new();
    for round in 1..=3 {
        let pool = Device::thin_pool("pool");
        sent.extend(send_until_measured(&pool, &mut tracers, round * 1_000));
        drop(pool);
        run("rmmod", ["dm_thin_pool"]);
        // What else there is goes on.
        let text = format!("set_region_mappings {round}:0");
        paths.send(0, text.as_bytes());
        sent.push(text);
        for tracer in &mut tracers {
            tracer.wait_for_line();
        }
        assert!(!is_probed("pool_message"));
    }
    for run in Tracer::stop_all(tracers) {
        let texts = run.rows().iter().map(|row| row.cell("/msg/text")).collect::<Vec<_>>();
        assert_eq!(texts, sent);
        let count = sent.len();
        assert_eq!(run.totals(), format!("seen {count} = delivered {count} + lost 0 + filtered 0"));
        assert!(!run.stderr.iter().any(|line| line.contains("not measured")), "{run:?}");
    }
}
