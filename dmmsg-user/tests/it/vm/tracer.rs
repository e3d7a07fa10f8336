//! dmmsg-trace as a running program, and what it had to say when it ended.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{guest::rungs, row::Row};

/// After this, what is waited for is taken not to come; no test depends on the exact time.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it says once its probes are attached.
pub const TRACING: &str = "tracing by";

/// The program's path.
pub fn path() -> String {
    env::var("DMMSG_TRACE").unwrap_or_else(|_| env!("CARGO_BIN_EXE_dmmsg-trace").to_owned())
}

/// A line of output and when it came.
pub struct Line {
    pub text: String,
    pub came: SystemTime,
}

/// A running dmmsg-trace, killed when dropped.
pub struct Tracer {
    child: Child,
    stdout: Receiver<Line>,
    stderr: Receiver<Line>,
    /// What was read of each so far.
    shown: Vec<Line>,
    told: Vec<String>,
}

impl Tracer {
    /// Starts dmmsg-trace with words that stand in one line, and waits until it traces.
    pub fn start(line: &str) -> Self {
        Self::start_with(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Starts dmmsg-trace with words, and waits until it traces.
    pub fn start_with(words: &[&str]) -> Self {
        Self::start_all([words]).remove(0)
    }

    /// Starts one with each list of words, and waits until all trace.
    ///
    /// Two at a time, for a guest has two CPUs.
    pub fn start_all<W: AsRef<OsStr>>(
        lists: impl IntoIterator<Item = impl AsRef<[W]>>,
    ) -> Vec<Self> {
        let mut tracers: Vec<Self> = Vec::new();
        for words in lists {
            if let Some(before) = tracers.len().checked_sub(2) {
                tracers[before].wait_until_tracing();
            }
            tracers.push(Self::spawn(Command::new(path()).args(words.as_ref())));
        }
        tracers.iter_mut().for_each(Self::wait_until_tracing);
        tracers
    }

    /// Starts one with each line of words, and waits until all trace.
    pub fn start_lines<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Vec<Self> {
        let words =
            |line: L| line.as_ref().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        Self::start_all(lines.into_iter().map(words))
    }

    fn wait_until_tracing(&mut self) {
        if !self.told.iter().any(|line| line.contains(TRACING)) {
            self.wait_until_told(TRACING);
        }
    }

    /// Starts it on each rung that the kernel has, and waits until all trace.
    pub fn start_on_each_rung(line: &str) -> Vec<Self> {
        Self::start_on(rungs(), line)
    }

    /// The same on some rungs.
    pub fn start_on(rungs: &[&str], line: &str) -> Vec<Self> {
        Self::start_lines(rungs.iter().map(|rung| format!("{line} --probe {rung}")))
    }

    /// Shows a capture by dmmsg-trace.
    pub fn replay(file: &str, words: &[&str]) -> Run {
        Self::spawn(Command::new(path()).args(["-r", file]).args(words)).end()
    }

    /// Starts a prepared command that becomes dmmsg-trace.
    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_to(Stdio::piped(), command)
    }

    /// The same, where the output may go to a file.
    pub fn spawn_to(stdout: Stdio, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dmmsg-trace starts");
        let stdout = child.stdout.take().map_or_else(|| channel().1, read_lines);
        let stderr = read_lines(child.stderr.take().expect("stderr is a pipe"));
        Self { child, stdout, stderr, shown: Vec::new(), told: Vec::new() }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on stderr that has `text` in it.
    pub fn wait_until_told(&mut self, text: &str) {
        loop {
            match self.stderr.recv_timeout(PATIENCE) {
                Ok(line) => self.told.push(line.text),
                Err(error) => panic!("no `{text}`, {error}: {:?}", self.told),
            }
            if self.told.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    /// Waits for the next line on stdout.
    pub fn wait_for_line(&mut self) -> &Line {
        let line = self.stdout.recv_timeout(PATIENCE).expect("a line comes");
        self.shown.push(line);
        self.shown.last().expect("it was just pushed")
    }

    /// Ends the run as Ctrl-C does.
    pub fn stop(self) -> Run {
        self.stop_by(Signal::INT)
    }

    /// Ends all of these runs as Ctrl-C does.
    pub fn stop_all(tracers: Vec<Self>) -> impl Iterator<Item = Run> {
        for tracer in &tracers {
            tracer.signal(Signal::INT);
        }
        tracers.into_iter().map(Self::end)
    }

    /// Ends the run by a signal.
    pub fn stop_by(self, signal: Signal) -> Run {
        self.signal(signal);
        self.end()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the signal is sent");
    }

    /// Waits until the run ends.
    pub fn end(mut self) -> Run {
        collect(&self.stdout, |line| self.shown.push(line));
        collect(&self.stderr, |line| self.told.push(line.text));
        let status = self.child.wait().expect("dmmsg-trace ends");
        Run {
            code: status.code(),
            signal: status.signal(),
            stdout: self.shown.drain(..).map(|line| line.text).collect(),
            stderr: self.told.drain(..).collect(),
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(pipe: impl Read + Send + 'static) -> Receiver<Line> {
    let (sender, receiver) = channel();
    thread::spawn(move || send_lines(pipe, &sender));
    receiver
}

fn send_lines(pipe: impl Read, sender: &Sender<Line>) {
    for line in BufReader::new(pipe).split(b'\n') {
        let came = SystemTime::now();
        let text = String::from_utf8(line.expect("the pipe is read")).expect("output is UTF-8");
        if sender.send(Line { text, came }).is_err() {
            return;
        }
    }
}

fn collect(lines: &Receiver<Line>, mut take: impl FnMut(Line)) {
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => take(line),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => panic!("dmmsg-trace does not end"),
        }
    }
}

/// A run that ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
}

impl Run {
    /// The messages of a run with `-o json`, which must have ended well.
    pub fn rows(&self) -> Vec<Row> {
        assert_eq!(self.code, Some(0), "{:?}", self.stderr);
        self.of_type("message")
    }

    /// The JSON lines of a type.
    pub fn of_type(&self, wanted: &str) -> Vec<Row> {
        let rows = self.stdout.iter().map(|line| Row::from_json(line));
        rows.filter(|row| row.cell("/type") == wanted).collect()
    }

    /// The messages and ioctls of a run with `-o json`, which must have ended well.
    pub fn calls(&self) -> Vec<Row> {
        assert_eq!(self.code, Some(0), "{:?}", self.stderr);
        let rows = self.stdout.iter().map(|line| Row::from_json(line));
        rows.filter(|row| ["message", "ioctl"].contains(&&*row.cell("/type"))).collect()
    }

    /// The messages of a run with `-o json`, in brief.
    pub fn briefs(&self) -> Vec<String> {
        self.rows().iter().map(Row::brief).collect()
    }

    /// The totals on stderr.
    pub fn totals(&self) -> &str {
        let line = self.stderr.last().map_or("", String::as_str);
        line.strip_prefix("dmmsg-trace: ").unwrap_or(line)
    }
}
