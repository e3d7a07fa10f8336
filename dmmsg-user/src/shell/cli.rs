//! The command line of `dmmsg-trace`, turned into what it means.

use std::{
    ffi::OsString,
    io::{self, Write as _, stdout},
    num::NonZeroU64,
    path::PathBuf,
    time::Duration,
};

use clap::{Parser, ValueEnum, builder::TypedValueParser, error::ErrorKind, value_parser};
use dmmsg_common::dm::{COMM_LEN, TYPE_NAME_LEN};

use super::{
    config::{Config, Format, Intervals, Rotate, Write, is_stdio},
    say,
};
use crate::engine::{
    exit::Exit,
    filter::{Device, Filter, Padded, Verb},
    groups::Split,
    plan::{Probe, Rung},
    quantity::{FileSize, RingSize, parse_duration, parse_interval},
    targets::Selection,
};

/// Reads the command line.
///
/// # Errors
/// There is nothing to run: help or version were printed, or one line that says what is wrong.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Config, Exit> {
    let parsed = Args::try_parse_from(words).and_then(Args::checked);
    parsed.map(Config::from).map_err(|error| report(&error))
}

/// Tells what came of reading a command line.
pub(super) fn report(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    if let ErrorKind::DisplayHelp | ErrorKind::DisplayVersion = error.kind() {
        let written = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
        let unread = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        return if written.as_ref().map_or_else(unread, |()| true) {
            Exit::Done
        } else {
            Exit::Failed
        };
    }
    let first_paragraph = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = first_paragraph.collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    say(format_args!("{line}"));
    Exit::Usage
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        let split = Split { by_device: args.per_device, by_kind: args.per_verb };
        Self {
            doctor: args.doctor,
            verbs: args.verbs,
            format: match args.output {
                _ if args.top => Format::Top,
                OutputWord::Table => Format::Table { wide: args.wide },
                OutputWord::Json => Format::Json,
                OutputWord::Hist => Format::Hist { split, json: false },
                OutputWord::HistJson => Format::Hist { split, json: true },
            },
            intervals: args.interval.map(|every| Intervals { every, count: args.interval_count }),
            filter: Filter {
                device: args.device,
                target_type: args.target_type,
                verb: args.verb,
                pid: args.pid,
                uid: args.uid,
                comm: args.comm,
                failed: args.failed,
                min_latency: args.min_latency,
                ioctls: args.ioctls,
            },
            duration: args.duration,
            count: args.count,
            probe: args.probe.into(),
            strict: args.strict,
            ring: args.ring,
            stuck: args.stuck,
            read: args.read,
            write: args.write.map(|path| Write {
                path,
                rotate: args.rotate.map(|size| Rotate { size, keep: args.keep }),
            }),
        }
    }
}

/// Shows the messages that device-mapper gets: who sent which to which device, how it ended and
/// how long it took. Watches only; blocks nothing.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Parser)]
#[command(name = "dmmsg-trace", version, after_help = EXAMPLES)]
struct Args {
    /// How to show messages
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: OutputWord,

    /// Add to the table who the sender is, time in the target, what the verb does, and why it failed
    #[arg(long)]
    wide: bool,

    /// Also write a capture to FILE; with -, only that, to standard output
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Show a capture instead of tracing; - is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["duration", "probe", "ring", "doctor"])]
    read: Option<PathBuf>,

    /// Go on in a new FILE when it has this size, such as 64MiB; the last one becomes FILE.1
    #[arg(long, value_name = "SIZE", requires = "write")]
    rotate: Option<FileSize>,

    /// Files to keep under --rotate
    #[arg(long, value_name = "COUNT", default_value = "8", requires = "rotate",
          value_parser = value_parser!(u32).range(2..=1000))]
    keep: u32,

    /// Show on the whole terminal which verbs on which devices are busy, slow or failing
    #[arg(long, conflicts_with_all = ["output", "wide", "read", "write", "doctor", "verbs"])]
    top: bool,

    /// With histograms, one for each device
    #[arg(short = 'D', long)]
    per_device: bool,

    /// With histograms, one for each verb of each type of target
    #[arg(short = 'F', long)]
    per_verb: bool,

    /// Only this device: MAJ:MIN, a name, a uuid, or a pattern of a name or uuid
    #[arg(short, long, value_name = "DEV")]
    device: Option<Device>,

    /// Only this type of target, such as thin-pool; fits no row of --ioctls
    #[arg(short, long = "type", value_name = "TYPE")]
    target_type: Option<Padded<TYPE_NAME_LEN>>,

    /// Only this verb, such as create_thin or 'key set', or suspend with --ioctls
    #[arg(short = 'm', long, value_name = "VERB")]
    verb: Option<Verb>,

    /// Only from this process
    #[arg(short, long)]
    pid: Option<u32>,

    /// Only from this real user id
    #[arg(short, long, value_parser = parse_uid)]
    uid: Option<u32>,

    /// Only from this command name
    #[arg(short = 'n', long)]
    comm: Option<Padded<COMM_LEN>>,

    /// Only what failed
    #[arg(short = 'x', long)]
    failed: bool,

    /// Only what took this long or longer, such as 1.5ms
    #[arg(long = "min-lat", value_name = "DUR", value_parser = parse_duration)]
    min_latency: Option<Duration>,

    /// Also show every other ioctl on the control node: create, load, suspend, remove, ...
    #[arg(long)]
    ioctls: bool,

    /// Stop after this time, such as 10s or 2m
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    duration: Option<Duration>,

    /// Stop after this many rows
    #[arg(short, long, value_parser = value_parser!(u64).range(1..).try_map(NonZeroU64::try_from))]
    count: Option<NonZeroU64>,

    /// Show a message that has not returned after this time, and where it waits
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = parse_duration)]
    stuck: Duration,

    /// How to attach
    #[arg(long, value_name = "RUNG", default_value = "auto")]
    probe: ProbeWord,

    /// Say for each probe point whether it works here and what to do if not, then exit
    #[arg(long)]
    doctor: bool,

    /// List the messages that targets take, or those of one target, then exit
    #[arg(long, value_name = "TARGET", num_args = 0..=1, default_missing_value = "all")]
    #[arg(conflicts_with_all = ["read", "write", "doctor", "count", "duration"])]
    verbs: Option<Selection>,

    /// Exit with 6 if messages were lost
    #[arg(long)]
    strict: bool,

    /// Size of the buffer between kernel and dmmsg, such as 64KiB or 8MiB
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    ring: RingSize,

    /// With histograms, show them each INTERVAL, in seconds or such as 500ms
    #[arg(value_parser = parse_interval, conflicts_with_all = ["read", "doctor", "verbs"])]
    interval: Option<Duration>,

    /// Stop after this many intervals
    #[arg(value_name = "COUNT",
          value_parser = value_parser!(u64).range(1..).try_map(NonZeroU64::try_from))]
    interval_count: Option<NonZeroU64>,
}

impl Args {
    fn checked(self) -> Result<Self, clap::Error> {
        let to_stdout = self.write.as_deref().is_some_and(is_stdio);
        let wrong = |text| Err(clap::Error::raw(ErrorKind::ArgumentConflict, text));
        let histograms = self.per_device || self.per_verb || self.interval.is_some();
        if histograms && !matches!(self.output, OutputWord::Hist | OutputWord::HistJson) {
            return wrong("--per-device, --per-verb and INTERVAL need -o hist or -o hist-json");
        }
        if self.doctor && self.write.is_some() {
            return wrong("--doctor writes no capture");
        }
        if self.doctor && !matches!(self.output, OutputWord::Table) {
            return wrong("--doctor prints a table alone: leave out --output");
        }
        if to_stdout && self.rotate.is_some() {
            return wrong("--rotate needs a file to write to, not standard output");
        }
        if self.write.is_some() && self.write == self.read && !to_stdout {
            return wrong(
                "a capture cannot be read and written at once: give --write another file",
            );
        }
        Ok(self)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputWord {
    /// Columns, one row a message
    Table,
    /// One JSON object a message
    Json,
    /// Histograms of latency, at the end or each INTERVAL
    Hist,
    /// The same, one JSON object a histogram
    HistJson,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ProbeWord {
    Auto,
    Fentry,
    Kprobe,
}

impl From<ProbeWord> for Probe {
    fn from(word: ProbeWord) -> Self {
        match word {
            ProbeWord::Auto => Self::Auto,
            ProbeWord::Fentry => Self::Only(Rung::Fentry),
            ProbeWord::Kprobe => Self::Only(Rung::Kprobe),
        }
    }
}

fn parse_uid(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "expected a number, such as `id -u NAME` prints")
}

const EXAMPLES: &str = "\
Examples:
  dmmsg-trace                              every message and direct ioctl, as it returns
  dmmsg-trace -x -w failed.cap             only those that failed, also to a capture
  dmmsg-trace -r failed.cap -m delete      thin volumes deleted, from a capture
  dmmsg-trace -t crypt --wide              who touches volume keys (never shown), in full
  dmmsg-trace -o json --duration 1m        one minute as JSON lines
  dmmsg-trace -o hist -F 10                how long each verb takes, every ten seconds
  dmmsg-trace --top                        what is busy, slow or failing, on a screen
  dmmsg-trace --doctor                     what works on this machine";
