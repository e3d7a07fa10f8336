//! dmmsg-exporter as a running program.

use std::{
    env,
    fs::File,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::prometheus::get;

/// Where it listens if not told otherwise.
pub const ADDRESS: &str = "127.0.0.1:9435";
/// After this it is taken not to come up.
const PATIENCE: Duration = Duration::from_mins(1);
const LOG: &str = "/tmp/exporter.log";

/// A running exporter, killed when dropped.
pub struct Exporter(Child);

impl Exporter {
    /// Starts one with words and waits until its probes are attached.
    pub fn start(words: &[&str]) -> Self {
        let path = env::var("DMMSG_EXPORTER").expect("xtask says where dmmsg-exporter is");
        let log = File::create(LOG).expect("a log");
        let mut command = Command::new(path);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut exporter = Self(command.spawn().expect("dmmsg-exporter starts"));
        let start = Instant::now();
        while get(ADDRESS, "/healthz").is_none() {
            let ended = exporter.0.try_wait().expect("dmmsg-exporter is watched");
            let log = || std::fs::read_to_string(LOG).unwrap_or_default();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{ended:?} {}", log());
            thread::sleep(Duration::from_millis(50));
        }
        exporter
    }
}

impl Exporter {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Both fail only if it has gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
