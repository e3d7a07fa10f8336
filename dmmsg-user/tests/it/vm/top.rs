//! The screen on a real terminal, that of script(1).

use std::{
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    guest::{Device, Guest, wait_until},
    tracer::path,
};

/// What the terminal was sent.
const SENT: &str = "/tmp/screen";

/// The terminal's other screen, and the way back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// dmmsg-trace on a terminal of 80 columns and 24 lines, once it shows rows.
fn start() -> Child {
    let run = format!("stty rows 24 cols 80; exec {} --top", path());
    let mut script = Command::new("script");
    script.args(["-qefc", &run, SENT]).stdin(Stdio::piped()).stdout(Stdio::null());
    let child = script.spawn().expect("script starts");
    wait_until("the screen is drawn", || sent().contains("order by:"));
    child
}

fn sent() -> String {
    String::from_utf8_lossy(&fs::read(SENT).unwrap_or_default()).into_owned()
}

/// The end of a run: the terminal is as it was, and has the totals.
fn check_end(mut child: Child) {
    let status = child.wait().expect("script ends");
    assert_eq!(status.code(), Some(0));
    let sent = sent();
    let (before, after) = sent.rsplit_once(LEAVE).expect("the other screen is left");
    assert!(before.contains(ENTER));
    assert!(after.contains("seen 3 = delivered 3 + lost 0 + filtered 0"), "{after}");
}

fn tracer() -> Pid {
    let pids = fs::read_dir("/proc").expect("there are processes").filter_map(Result::ok);
    let is_ours = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "dmmsg-trace\n")
    };
    let mut ours =
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours);
    Pid::from_raw(ours.next().expect("dmmsg-trace runs")).expect("a process id")
}

#[test]
fn vm_a_screen_shows_what_goes_on_and_leaves_the_terminal_as_it_was() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::switch("\u{2603} <b>\"paths");
    for end_by_key in [true, false] {
        let mut child = start();
        for text in [&b"set_region_mappings 0:0"[..], b"set_region_mappings 0:0", b"bogus"] {
            switch.send(0, text);
        }
        wait_until("a row is shown", || sent().contains("set_region_ma"));
        wait_until("a failure is shown", || sent().contains("other"));
        if end_by_key {
            let mut keys = child.stdin.take().expect("stdin is a pipe");
            keys.write_all(b"eq").expect("keys are pressed");
            check_end(child);
        } else {
            kill_process(tracer(), Signal::TERM).expect("the signal is sent");
            check_end(child);
        }
    }
    fs::remove_file(SENT).expect("the file is removed");
}

#[test]
fn vm_a_screen_needs_a_terminal() {
    let Some(_guest) = Guest::enter() else { return };
    let output = Command::new(path()).arg("--top").output().expect("dmmsg-trace starts");
    assert_eq!(output.status.code(), Some(2));
    let told = "dmmsg-trace: --top needs a terminal: -o hist shows the same without one\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
}
