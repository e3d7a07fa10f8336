//! Captures of real runs.

use std::{fs, thread, time::Duration};

use rustix::process::Signal;

use super::{
    guest::{Device, Guest, dmsetup_message, rungs},
    load::flood,
    tracer::{Run, Tracer},
};

const FILE: &str = "/tmp/run.cap";

fn replay(words: &[&str]) -> Run {
    Tracer::replay(FILE, words)
}

/// Sends messages that work, fail and hold keys, by different senders.
fn send_messages() {
    let switch = Device::switch("paths");
    switch.send(0, b"set_region_mappings 0:0");
    switch.send(99_999, b"nobody is there");
    dmsetup_message("paths 0 set_region_mappings 1:0");
    dmsetup_message("nope 0 key set 00ff00ff");
}

#[test]
fn vm_a_capture_shows_what_the_run_showed() {
    let Some(_guest) = Guest::enter() else { return };
    for &rung in rungs() {
        for words in [&["-o", "json"][..], &["--wide"], &[]] {
            let tracer = Tracer::start_with(&[&["-w", FILE, "--probe", rung], words].concat());
            send_messages();
            let live = tracer.stop();
            let again = replay(words);
            assert_eq!((live.code, again.code), (Some(0), Some(0)), "{live:?} {again:?}");
            assert_eq!(live.stdout, again.stdout, "{words:?}");
            assert_eq!(live.totals(), again.totals());
        }
    }
    let file = fs::read(FILE).expect("the capture is there");
    assert!(!file.windows(8).any(|window| window == b"00ff00ff"), "no key is captured");
}

#[test]
fn vm_a_filter_holds_for_the_capture() {
    let Some(_guest) = Guest::enter() else { return };
    let tracer = Tracer::start_with(&["-w", FILE, "-o", "json", "-d", "pa*", "-x"]);
    send_messages();
    let live = tracer.stop();
    assert_eq!(live.rows().len(), 1, "{live:?}");
    let again = replay(&["-o", "json"]);
    assert_eq!(live.stdout, again.stdout);
    assert_eq!(live.totals(), again.totals());
}

#[test]
fn vm_a_kill_costs_little() {
    let Some(_guest) = Guest::enter() else { return };
    let tracer = Tracer::start_with(&["-w", FILE, "-o", "json"]);
    send_messages();
    // Ten times as long as messages may lie before they are written.
    thread::sleep(Duration::from_secs(1));
    let live = tracer.stop_by(Signal::KILL);
    assert_eq!(live.code, None);
    let again = replay(&["-o", "json"]);
    assert_eq!(again.rows().len(), 4, "{again:?}");
    let told = "capture has no end: the totals are of what is in it";
    assert!(again.stderr.iter().any(|line| line.contains(told)), "{again:?}");
}

#[test]
fn vm_a_capture_holds_all_at_full_speed() {
    const EACH: u64 = 50_000;
    let Some(_guest) = Guest::enter() else { return };
    // Else it would be kept as the run's first file.
    let _ = fs::remove_file(FILE);
    let switch = Device::switch("paths");
    let words = ["-w", FILE, "--rotate", "1MiB", "--keep", "100", "-t", "switch"];
    let tracer = Tracer::start_with(&words);
    flood(&switch, EACH);
    let live = tracer.stop();
    assert_eq!(live.code, Some(0), "{:?}", live.stderr);
    let files = (1..100).rev().map(|nth| format!("{FILE}.{nth}")).chain([FILE.to_owned()]);
    let mut rows = Vec::new();
    for file in files.filter(|file| fs::exists(file).expect("the folder is there")) {
        let again = Tracer::replay(&file, &[]);
        rows.extend(again.stdout.into_iter().skip(1));
        fs::remove_file(file).expect("the file is removed");
    }
    assert_eq!(rows, live.stdout[1..], "what was shown is what was captured");
}
