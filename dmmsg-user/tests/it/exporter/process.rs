//! What serving costs a process of its own.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use dmmsg::shell::exporter::Limits;
use tokio::sync::oneshot;

use super::{
    client::{ask, get},
    server::run,
    snapshots::{HOSTILE_NAMES, all, by_device, few, well},
};

/// Names the snapshot that [`serve_for_others`] serves; other tests leave it alone.
const SERVE: &str = "DMMSG_TEST_SERVE";
/// Where it listens; for people who want to see the page.
const LISTEN: &str = "DMMSG_TEST_LISTEN";

/// No test: what other tests start as a process, whose memory is then the server's alone.
#[test]
fn serve_for_others() {
    let Ok(which) = env::var(SERVE) else { return };
    let address = env::var(LISTEN).unwrap_or("127.0.0.1:0".into());
    let listener = TcpListener::bind(address).unwrap();
    println!("\nserving {}", listener.local_addr().unwrap());
    let snapshot = match which.as_str() {
        "all" => all(0),
        "devices" => by_device(),
        "well" => well(),
        _ => few(),
    };
    let (_end, never) = oneshot::channel();
    run(listener, Limits::default(), move || Ok(snapshot.clone()), never);
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(which: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["exporter::process::serve_for_others", "--exact", "--nocapture"])
            .env(SERVE, which)
            .env_remove(LISTEN)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.map(Result::unwrap).find(|line| line.starts_with("serving ")).unwrap();
        let address = line.strip_prefix("serving ").unwrap().parse().unwrap();
        Self { child, address }
    }

    /// Memory that it has in use, in KiB.
    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_thousand_scrapes_take_no_memory() {
    let process = Process::start("devices");
    let scrape = |nth: usize| {
        let accept =
            ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"];
        let headers = format!("Accept: {}\r\n", accept[nth % accept.len()]);
        let answer = ask(process.address, "GET", "/metrics", &headers);
        assert_eq!(answer.status, 200);
        assert_eq!(get(process.address, "/").status, 200);
        answer.body.len()
    };
    (0..50).for_each(|nth| _ = scrape(nth));
    let before_kib = process.resident_kib();
    let bytes: usize = (0..1000).map(scrape).sum();
    let grown_kib = process.resident_kib().saturating_sub(before_kib);
    assert!(bytes > 10 << 20, "{bytes} bytes are enough to notice");
    assert!(grown_kib < 2 << 10, "{grown_kib} KiB");
    assert!(HOSTILE_NAMES.len() > 1 && before_kib < 64 << 10, "{before_kib} KiB");
}
