//! `cargo xtask fuzz`: bytes that nobody would send, until something breaks or the time is over.
//!
//! The targets are in `dmmsg-user/fuzz`. LLVM's libFuzzer drives them; the coverage that guides it is
//! a pass of LLVM that stable Rust can be told to run, so that no other toolchain is needed.

mod build;
mod status;

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::child::{self, Guarded};
use crate::{cargo, prerequisites, progress};
use status::{Status, crash_of};

/// How often progress is told.
const TICK: Duration = Duration::from_secs(10);
/// How long a run may go on past its time: one input may take its time, and minimizing none.
const GRACE: Duration = Duration::from_mins(2);
/// Bytes of an input at most; larger ones find nothing new and take longer.
const INPUT_MAX: u32 = 8192;
/// Lines shown of a target that broke.
const TAIL_LINES: usize = 40;

/// What the command line says.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only this target
    target: Option<Target>,
    /// How long each target is fuzzed
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run the target on this one input instead
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// What can be fuzzed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// The decoder of records, and all that shows them
    Record,
    /// The reader of captures
    Capture,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Capture => "capture",
        }
    }
}

/// Builds the targets and fuzzes one after the other; the first that breaks ends the run.
///
/// # Errors
/// If something cannot be built or started.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    prerequisites::ensure(prerequisites::FUZZ)?;
    let input = arguments.input.as_deref().map(fs::canonicalize).transpose();
    let input = input.context("find the input")?;
    let program = build::targets()?;
    if let (Some(target), Some(input)) = (arguments.target, input) {
        return reproduce(&program(target.name())?, &input);
    }
    let folder = cargo::workspace().join("target/fuzz");
    build::seeds(&folder.join("seeds"))?;
    for target in arguments.target.as_ref().map_or(Target::value_variants(), std::slice::from_ref) {
        let campaign =
            Campaign { name: target.name(), folder: &folder, seconds: arguments.seconds };
        if !campaign.run(&program(target.name())?)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn reproduce(program: &Path, input: &Path) -> Result<ExitCode> {
    ensure!(input.is_file(), "{} is no file", input.display());
    let status = Command::new(program).arg(input).status();
    let status = status.with_context(|| format!("start {}", program.display()))?;
    println!("{}", if status.success() { "the target takes this input" } else { "it breaks" });
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One target, fuzzed for some time.
struct Campaign<'a> {
    name: &'a str,
    /// Where inputs that found something new are kept for the next time, and crashes.
    folder: &'a Path,
    seconds: u64,
}

impl Campaign<'_> {
    /// Fuzzes; whether nothing broke.
    fn run(&self, program: &Path) -> Result<bool> {
        let mut command = self.command(program)?;
        let (reader, writer) = pipe().context("make a pipe")?;
        command.stderr(writer);
        let started = Instant::now();
        let (mut running, stdout) = Guarded::spawn(&mut command)?;
        // Nothing comes on it, and the last writer of the pipe must be the target.
        drop(stdout);
        drop(command);
        let log = Mutex::new(Log::default());
        let deadline = started + Duration::from_secs(self.seconds) + GRACE;
        let ended = std::thread::scope(|scope| {
            scope.spawn(|| read(reader, &log));
            let mut next = started + TICK;
            let ended = running.wait(deadline, || {
                if Instant::now() >= next {
                    next += TICK;
                    self.tell(started, &log);
                }
                false
            });
            drop(running);
            ended
        })?;
        let log = log.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match ended {
            Some(status) if status.success() => {
                println!("{}", log.status.line(self.name, started.elapsed()));
                Ok(true)
            }
            Some(_) => {
                self.report(&log);
                Ok(false)
            }
            None => bail!("{}: the target does not end:\n{}", self.name, log.tail()),
        }
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let place = |kind: &str| self.folder.join(kind).join(self.name);
        let (corpus, crashes) = (place("corpus"), place("crashes"));
        for folder in [&corpus, &crashes] {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let mut command = child::command(&program.to_string_lossy());
        command.stdin(Stdio::null()).arg(format!("-max_total_time={}", self.seconds));
        command.arg(format!("-max_len={INPUT_MAX}")).arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}/", crashes.display()));
        command.arg(corpus).arg(place("seeds"));
        Ok(command)
    }

    fn tell(&self, started: Instant, log: &Mutex<Log>) {
        if let Ok(log) = log.lock() {
            progress::note(&log.status.line(self.name, started.elapsed()));
        }
    }

    fn report(&self, log: &Log) {
        progress::note(&log.tail());
        let Some(crash) = log.lines.iter().find_map(|line| crash_of(line)) else {
            return println!("{}: the target broke, but left no input behind", self.name);
        };
        println!("{}: the target breaks on {crash}", self.name);
        println!("again: cargo xtask fuzz {} --input {crash}", self.name);
    }
}

/// What a target has said.
#[derive(Default)]
struct Log {
    status: Status,
    /// The last lines that are no progress.
    lines: Vec<String>,
}

impl Log {
    fn take(&mut self, line: String) {
        if self.status.read(&line) {
            return;
        }
        if self.lines.len() == 2 * TAIL_LINES {
            self.lines.drain(..TAIL_LINES);
        }
        self.lines.push(line);
    }

    fn tail(&self) -> String {
        let from = self.lines.len().saturating_sub(TAIL_LINES);
        self.lines.get(from..).unwrap_or_default().join("\n")
    }
}

fn read(pipe: PipeReader, log: &Mutex<Log>) {
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        if let Ok(mut log) = log.lock() {
            log.take(String::from_utf8_lossy(&line).into_owned());
        }
    }
}
