//! What dmmsg-exporter serves of real messages, and what it withstands.
#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use dmmsg::{engine::metrics::series_at_most, shell::kernel::control::Address};

use super::{
    direct::{DM_MESSAGE, message},
    exporter::{ADDRESS, Exporter},
    guest::{Device, Guest, kernel, run, send, wait_until},
    in_flight::Pool,
    load::flood,
    prometheus::get,
};

/// The metrics now: values by name and labels.
fn metrics() -> BTreeMap<String, f64> {
    let text = get(ADDRESS, "/metrics").expect("the exporter answers");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| line.rsplit_once(' ').expect("a value"));
    samples.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

/// The sum of a metric over the series that have all of these labels.
fn sum(metrics: &BTreeMap<String, f64>, name: &str, labels: &[&str]) -> f64 {
    let of_metric = metrics.iter().filter(|(series, _)| {
        let labels_of = series.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
        let is_plain = labels.is_empty() && series.as_str() == name;
        is_plain || labels_of.is_some_and(|of| labels.iter().all(|label| of.contains(label)))
    });
    of_metric.map(|(_, value)| value).sum()
}

fn status(exporter: &Exporter, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).expect("a status");
    let line =
        status.lines().find_map(|line| line.strip_prefix(field)).expect("the field is there");
    line.trim().to_owned()
}

/// Bound on what the exporter has in memory, in KiB; the busiest of these tests took 14 MiB.
const RSS_MAX_KIB: u64 = 32 << 10;

fn rss_kib(exporter: &Exporter) -> u64 {
    let rss = status(exporter, "VmHWM:");
    rss.split(' ').next().and_then(|kib| kib.parse().ok()).expect("a size")
}

#[test]
fn vm_metrics_are_of_what_was_sent() {
    let Some(_guest) = Guest::enter() else { return };
    let hostile = "a\"b\\c<i>d";
    run("dmsetup", ["--manglename", "none", "create", hostile, "--table", "0 8 zero"]);
    let paths = Device::switch("paths");
    let third = Device::new("third", "0 8 error");
    let exporter = Exporter::start(&["--per-device", "2"]);
    assert!(get(ADDRESS, "/healthz").is_some());

    run("dmsetup", ["--manglename", "none", "message", hostile, "0", "@stats_list"]);
    for _ in 0..5 {
        paths.send(0, b"set_region_mappings 0:0");
    }
    paths.send(0, b"bogus");
    third.send(0, b"@stats_list");
    paths.send_direct(DM_MESSAGE, &message(0, 4, 4, b"abcd"));

    let found = metrics();
    let count = |labels: &[&str]| sum(&found, "dmmsg_messages_total", labels);
    assert_eq!(count(&[]), 9.0, "{found:#?}");
    assert_eq!(count(&["verb=\"set_region_mappings\"", "target_type=\"switch\""]), 5.0);
    assert_eq!(count(&["verb=\"other\"", "interface=\"control\""]), 1.0);
    assert_eq!(count(&["verb=\"DM_MESSAGE\"", "interface=\"direct\""]), 1.0);
    let number = paths.number();
    assert_eq!(count(&[&format!("device=\"{number}\"")]), 7.0);
    assert_eq!(count(&["device=\"_other\""]), 1.0);
    let errors = |labels: &[&str]| sum(&found, "dmmsg_message_errors_total", labels);
    assert_eq!(errors(&["errno=\"EINVAL\"", "verb=\"other\""]), 1.0);
    assert_eq!(errors(&["errno=\"ENOTTY\"", "verb=\"DM_MESSAGE\""]), 1.0);
    let bytes = sum(&found, "dmmsg_message_size_bytes_sum", &["target_type=\"switch\""]);
    assert_eq!(bytes, 5.0 * 23.0 + 5.0);
    assert_eq!(sum(&found, "dmmsg_events_lost_total", &[]), 0.0);
    let names = found.keys().filter(|series| series.starts_with("dmmsg_device_info"));
    let names = names.cloned().collect::<Vec<_>>().join("\n");
    assert!(names.contains(r#"name="a\"b"#) && names.contains("name=\"paths\""), "{names}");
    let page = get(ADDRESS, "/").expect("there is a page");
    assert!(page.contains("&lt;i&gt;") && !page.contains("<i>"), "{page}");

    // Reading goes on without any privilege, but for one that old kernels ask for.
    let kept = if kernel() < (5, 19) { 1_u64 << 39 } else { 0 };
    for field in ["CapEff:", "CapPrm:", "CapBnd:"] {
        assert_eq!(u64::from_str_radix(&status(&exporter, field), 16), Ok(kept), "{field}");
    }
    for field in ["CapInh:", "CapAmb:"] {
        assert_eq!(u64::from_str_radix(&status(&exporter, field), 16), Ok(0), "{field}");
    }
    assert_eq!(status(&exporter, "NoNewPrivs:"), "1");
    paths.send(0, b"set_region_mappings 0:0");
    assert_eq!(sum(&metrics(), "dmmsg_messages_total", &[]), 10.0);
    drop(exporter);
    run("dmsetup", ["--manglename", "none", "remove", hostile]);
}

#[test]
fn vm_metrics_show_what_hangs() {
    let Some(_guest) = Guest::enter() else { return };
    let pool = Pool::new();
    let _exporter = Exporter::start(&[]);
    let answer = pool.while_hanging("create_thin 0", || {
        wait_until("a message hangs", || metrics()["dmmsg_in_flight_messages"] == 1.0);
        wait_until("it gets older", || metrics()["dmmsg_oldest_in_flight_seconds"] > 0.2);
    });
    assert_eq!(answer, 0);
    let found = metrics();
    assert_eq!(found["dmmsg_in_flight_messages"], 0.0);
    assert_eq!(found["dmmsg_oldest_in_flight_seconds"], 0.0);
    let ioctls = |command: &str| sum(&found, "dmmsg_dm_ioctls_total", &[command]);
    assert_eq!((ioctls("command=\"suspend\""), ioctls("command=\"resume\"")), (1.0, 1.0));
}

#[test]
fn vm_metrics_do_not_keep_in_flight_whose_sender_is_gone() {
    // More than the kernel keeps returns of for one kretprobe.
    const MANY: u8 = 12;
    let Some(_guest) = Guest::enter() else { return };
    let pool = Pool::new();
    let _exporter = Exporter::start(&["--probe", "kprobe"]);
    let many = f64::from(MANY);
    let answers = pool.while_many_hang(MANY.into(), || {
        wait_until("all hang", || metrics()["dmmsg_in_flight_messages"] == many);
    });
    assert!(answers.iter().all(|errno| *errno == 0), "{answers:?}");
    wait_until("none hangs", || metrics()["dmmsg_in_flight_messages"] == 0.0);
    let found = metrics();
    let counted = sum(&found, "dmmsg_messages_total", &[]);
    // The kernel has missed some returns, and with them those of ioctls that dmsetup made meanwhile.
    let lost = sum(&found, "dmmsg_events_lost_total", &["stage=\"return\""]);
    assert!(counted < many && counted + lost >= many, "{counted} {lost}");
    let begun = sum(&found, "dmmsg_probe_hits_total", &["probe=\"target_message\""]);
    assert_eq!(begun, many);
}

/// Verbs and devices that senders could think of.
const VERBS: u32 = 10_000;
const DEVICES: u32 = 1_000;

#[test]
fn vm_series_stay_bounded_whatever_is_sent() {
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let table = (0..DEVICES).map(|id| format!("many{id},,,rw,0 1 zero")).collect::<Vec<_>>();
    run("dmsetup", ["create", "--concise", &table.join(";")]);
    let exporter = Exporter::start(&["--per-device", "100"]);
    for id in 0..VERBS {
        paths.send(0, format!("verb{id} {id}").as_bytes());
    }
    for id in 0..DEVICES {
        let name = format!("many{id}");
        send(Address::Name(name.as_bytes()), 0, b"x");
    }
    let found = metrics();
    let (verbs, devices) = (f64::from(VERBS), f64::from(DEVICES));
    let count = |labels: &[&str]| sum(&found, "dmmsg_messages_total", labels);
    assert_eq!(count(&["verb=\"other\"", "target_type=\"switch\""]), verbs);
    assert_eq!(count(&["verb=\"other\"", "target_type=\"zero\""]), devices);
    // The first of the hundred is the switch.
    assert_eq!(count(&["device=\"_other\""]), devices - 99.0);
    assert!(found.len() as u64 <= series_at_most(100), "{}", found.len());
    assert!(found.len() < 600, "{}", found.len());
    assert!(rss_kib(&exporter) < RSS_MAX_KIB, "{}", rss_kib(&exporter));
    drop(exporter);
    let names = (0..DEVICES).map(|id| format!("many{id}"));
    run("dmsetup", ["remove".to_owned()].into_iter().chain(names));
}

/// Sends bytes and gives the status of the answer, if there is one.
fn answer(request: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(ADDRESS).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout is set");
    // It may answer and close before it has all.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned)
}

#[test]
fn vm_clients_that_misbehave_cost_no_message() {
    const EACH: u32 = 20_000;
    let Some(_guest) = Guest::enter() else { return };
    let paths = Device::switch("paths");
    let exporter = Exporter::start(&[]);
    thread::scope(|scope| {
        scope.spawn(|| flood(&paths, EACH.into()));
        let slow: Vec<_> = (0..200)
            .map(|_| {
                let mut stream = TcpStream::connect(ADDRESS).expect("it listens");
                stream.write_all(b"GET /metrics HTTP/1.1\r\nX: ").map(|()| stream)
            })
            .collect();
        let long = [b"GET /", b"a".repeat(1 << 20).as_slice(), b" HTTP/1.1\r\n\r\n"].concat();
        // A guest that stands still for a second may find the connection closed.
        let refusal = (0..3).find_map(|_| answer(&long));
        assert!(matches!(refusal.as_deref(), Some("400" | "414" | "431")), "{refusal:?}");
        assert!(matches!(answer(b"\x16\x03\x01\x02\x00\x01\0\0\r\n\r\n").as_deref(), Some("400")));
        assert_eq!(answer(b"POST / HTTP/1.0\r\n\r\n").as_deref(), Some("405"));
        for _ in 0..100 {
            assert!(metrics()["dmmsg_in_flight_messages"] <= 2.0);
        }
        drop(slow);
    });
    let found = metrics();
    assert_eq!(sum(&found, "dmmsg_messages_total", &[]), 2.0 * f64::from(EACH));
    assert_eq!(sum(&found, "dmmsg_events_lost_total", &[]), 0.0);
    assert!(rss_kib(&exporter) < RSS_MAX_KIB, "{}", rss_kib(&exporter));
}
