//! Messages as bpftrace counts them, which shares no code with dmmsg.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::guest::wait_until;

const PROGRAM: &str = "kprobe:target_message { @messages = count(); }";

/// A bpftrace that counts, killed when dropped.
pub struct Counter(Option<Child>);

impl Counter {
    /// Starts counting. No other kprobe may sit on the function yet.
    pub fn start() -> Self {
        let mut bpftrace = Command::new("bpftrace");
        let bpftrace = bpftrace.args(["-e", PROGRAM]).stdin(Stdio::null()).stdout(Stdio::piped());
        let counter = Self(Some(bpftrace.spawn().expect("bpftrace starts")));
        wait_until("bpftrace has its probe", || {
            let probes = fs::read_to_string("/sys/kernel/debug/kprobes/list");
            probes.expect("probes are listed").contains("target_message")
        });
        counter
    }

    /// Ends counting; how many it were.
    pub fn end(mut self) -> u64 {
        let child = self.0.take().expect("it runs");
        kill_process(Pid::from_child(&child), Signal::INT).expect("the signal is sent");
        let output = child.wait_with_output().expect("bpftrace ends");
        let text = String::from_utf8(output.stdout).expect("output is UTF-8");
        let count = text.lines().find_map(|line| line.strip_prefix("@messages: "));
        count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count: {text}"))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It runs on only if the test failed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
