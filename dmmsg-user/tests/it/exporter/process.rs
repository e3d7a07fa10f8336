//! What serving costs a process of its own.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Lines},
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use dmmsg::{
    engine::exit::Exit,
    shell::{
        exporter::{Counts, listen, run},
        stop::Stop,
    },
};
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::CapabilitySet,
};
use tokio::runtime;

use super::{
    client::{ask, get},
    snapshots::{HOSTILE_NAMES, all, by_device, few, well},
};

/// Names the snapshot that [`serve_for_others`] serves; other tests leave it alone.
const SERVE: &str = "DMMSG_TEST_SERVE";
/// Where it listens; for people who want to see the page.
const LISTEN: &str = "DMMSG_TEST_LISTEN";

/// No test: what other tests start as a process, whose memory and privilege are then the server's
/// alone. It does all that `dmmsg-exporter` does, but for counting.
#[test]
fn serve_for_others() {
    let Ok(which) = env::var(SERVE) else { return };
    let snapshot = match which.as_str() {
        "all" => all(0),
        "devices" => by_device(),
        "well" => well(),
        _ => few(),
    };
    let address = env::var(LISTEN).unwrap_or("127.0.0.1:0".into()).parse().unwrap();
    let counts = Counts {
        snapshot: Box::new(move || Ok(snapshot.clone())),
        module: None,
        keeps: CapabilitySet::empty(),
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(async {
        let listener = listen(address).unwrap();
        println!("\nserving {}", listener.local_addr().unwrap());
        run(listener, counts, Stop::new().unwrap()).await.unwrap()
    });
    assert_eq!(exit, Exit::Done);
}

struct Process {
    child: Child,
    address: SocketAddr,
    /// Kept open: the test that the child is has something to say when it ends.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(command: &mut Command, which: &str) -> Self {
        let mut child =
            command.env(SERVE, which).env_remove(LISTEN).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines.by_ref().map(Result::unwrap);
        let address = said.find_map(|line| line.strip_prefix("serving ")?.parse().ok()).unwrap();
        Self { child, address, _lines: lines }
    }

    /// Lines of a kind in the status of each of its threads.
    fn status(&self, kind: &str) -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let status = |thread: io::Result<fs::DirEntry>| {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        threads.map(status).collect()
    }

    /// Memory that it has in use, in KiB.
    fn resident_kib(&self) -> u64 {
        self.status("VmRSS")[0].strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

/// The words that make this program a server.
const WORDS: [&str; 3] = ["exporter::process::serve_for_others", "--exact", "--nocapture"];

fn this_program() -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(WORDS);
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ten_thousand_scrapes_take_no_memory() {
    let process = Process::start(&mut this_program(), "devices");
    let scrape = |nth: usize| {
        let accept =
            ["text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"];
        let headers = format!("Accept: {}\r\n", accept[nth % accept.len()]);
        let answer = ask(process.address, "GET", "/metrics", &headers);
        assert_eq!(answer.status, 200);
        // A person looks at the page now and then.
        if nth.is_multiple_of(10) {
            assert_eq!(get(process.address, "/").status, 200);
        }
        answer.body.len()
    };
    (0..50).for_each(|nth| _ = scrape(nth));
    let before_kib = process.resident_kib();
    let bytes: usize = (0..10_000).map(scrape).sum();
    let grown_kib = process.resident_kib().saturating_sub(before_kib);
    assert!(bytes > 10 << 20, "{bytes} bytes are enough to notice");
    assert!(grown_kib < 2 << 10, "{grown_kib} KiB");
    assert!(HOSTILE_NAMES.len() > 1 && before_kib < 64 << 10, "{before_kib} KiB");
}

/// A service manager's ear.
struct Manager {
    socket: UnixDatagram,
    path: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let path = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(path.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, path }
    }

    fn heard(&self) -> String {
        let mut bytes = [0; 256];
        let len = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    }
}

#[test]
fn a_service_manager_is_told_of_start_life_and_end() {
    let manager = Manager::new();
    let mut command = this_program();
    command.env("NOTIFY_SOCKET", manager.path.path().join("notify")).env("WATCHDOG_USEC", "200000");
    let mut process = Process::start(&mut command, "few");
    assert_eq!(manager.heard(), "READY=1\n");
    for _ in 0..3 {
        assert_eq!(manager.heard(), "WATCHDOG=1\n");
    }
    assert_eq!(get(process.address, "/metrics").status, 200);
    let pid = Pid::from_child(&process.child);
    kill_process(pid, Signal::TERM).unwrap();
    let last = std::iter::repeat_with(|| manager.heard()).find(|word| word != "WATCHDOG=1\n");
    assert_eq!(last.as_deref(), Some("STOPPING=1\n"));
    assert!(process.child.wait().unwrap().success());
}

#[test]
fn who_serves_has_no_capability() {
    let process = Process::start(&mut this_program(), "few");
    assert_eq!(get(process.address, "/metrics").status, 200);
    let nothing = "0".repeat(16);
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(process.status(set).contains(&nothing), "{set}");
    }
    assert!(process.status("NoNewPrivs").contains(&"1".to_owned()));
    if rustix::process::geteuid().is_root() {
        let bounds = process.status("CapBnd");
        assert!(bounds.contains(&nothing), "{bounds:?}");
    }
}

#[test]
fn a_socket_from_systemd_is_served() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut command = Command::new("sh");
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 </dev/null";
    command.args(["-c", script, "sh"]).arg(env::current_exe().unwrap()).args(WORDS);
    let process = Process::start(command.stdin(OwnedFd::from(socket)), "few");
    assert_eq!(process.address, address);
    assert_eq!(get(address, "/metrics").status, 200);
}
