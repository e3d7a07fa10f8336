//! A run of `dmmsg-trace`, from the command line to the totals.

use std::{
    ffi::OsString,
    io::{Write as _, stderr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;
use tokio::runtime;

use super::{
    cli::{self, Config, Format},
    facts::{self, Host, Resolved},
    kernel::{Probes, Setup, ring::Ring},
    lookup::Lookup,
    sink::{Reader, Sink},
    stop::Stop,
};
use crate::engine::{
    clock::{Anchor, Clock},
    doctor::Diagnosis,
    enrich::{Answers as _, Context, Question},
    event::{Event, Message},
    exit::Exit,
    plan::{DmMod, Plan, Probe, Refusal, Rung, plan},
    render::{Output, json::Json, table::Table},
    tally::{Tally, Totals},
};

/// How often dm_mod is looked for while it is not loaded.
const MODULE_POLL: Duration = Duration::from_millis(20);
/// Records read in one go, before their lines are written and signals are looked at again.
const BATCH: usize = 512;
/// How often at most people are told of losses.
const LOSS_NOTE_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait at the end for records that programs are still writing.
const LAST_RECORDS: Duration = Duration::from_millis(200);

/// Runs the program.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let config = match cli::parse(words) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let result = if config.doctor { diagnose(&config) } else { trace(&config) };
    result.unwrap_or_else(|error| {
        let refused = error.is::<Refusal>() || error.is::<CannotAttach>();
        let exit = if refused { Exit::Refused } else { Exit::Failed };
        say(format_args!("{error:#}"));
        exit
    })
}

/// Tells people something; who cannot be told cannot be told that either.
fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(stderr(), "dmmsg-trace: {text}");
}

fn diagnose(config: &Config) -> Result<Exit> {
    let host = Host::look(true)?;
    let diagnosis = Diagnosis::of(&host.facts, config.probe);
    let mut sink = Sink::stdout();
    write!(sink.lines(), "{diagnosis}").context("write the diagnosis")?;
    let _ = sink.flush().context("write to standard output")?;
    Ok(if diagnosis.works() { Exit::Done } else { Exit::Refused })
}

fn trace(config: &Config) -> Result<Exit> {
    let runtime =
        runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let mut stop = Stop::new()?;
        let Some((host, rung)) = wait_for_device_mapper(config.probe, &mut stop).await? else {
            return Ok(Exit::Done);
        };
        // Before attaching, so that a module that goes meanwhile is missed.
        let module = facts::dm_mod_instance();
        let (probes, records, rung) = climb(config, rung, &host).context(CannotAttach)?;
        drop(host);
        if rung == Rung::Kprobe {
            stop.when_module_goes(module);
        }
        say(format_args!("tracing by {}, Ctrl-C ends", rung.name()));
        stop.after(config.duration);
        Run::new(config, probes, records)?.until(&mut stop).await
    })
}

/// The plan could not be carried out.
#[derive(Clone, Copy, Debug, Error)]
#[error("cannot attach the probes")]
struct CannotAttach;

/// Waits until dm_mod is loaded, if it is not; `None` where the run was ended before.
async fn wait_for_device_mapper(probe: Probe, stop: &mut Stop) -> Result<Option<(Host, Rung)>> {
    let mut told = false;
    loop {
        let host = look(probe)?;
        if let Plan::Attach(rung) = plan(&host.facts, probe)? {
            return Ok(Some((host, rung)));
        }
        if !told {
            say(format_args!("waiting for dm_mod, which is not loaded; Ctrl-C ends"));
            told = true;
        }
        while facts::dm_mod() == DmMod::Absent {
            if stop.within(MODULE_POLL).await {
                return Ok(None);
            }
        }
    }
}

/// Looks at the kernel; at its symbols only where its BTF does not tell enough.
fn look(probe: Probe) -> Result<Host> {
    let host = Host::look(probe != Probe::Auto)?;
    match plan(&host.facts, probe) {
        Err(Refusal::NoRung { .. }) => Host::look(true),
        _ => Ok(host),
    }
}

/// Attaches on a rung; if the kernel refuses it and the user has no wish, on the next.
fn climb(config: &Config, rung: Rung, host: &Host) -> Result<(Probes, Ring, Rung)> {
    let refusal = match attach(config, rung, host) {
        Ok((probes, records)) => return Ok((probes, records, rung)),
        Err(refusal) => refusal,
    };
    if config.probe != Probe::Auto || rung == Rung::Kprobe {
        return Err(refusal);
    }
    say(format_args!("fentry was refused, trying kprobes: {refusal:#}"));
    let (probes, records) = attach(config, Rung::Kprobe, host)?;
    Ok((probes, records, Rung::Kprobe))
}

fn attach(config: &Config, rung: Rung, host: &Host) -> Result<(Probes, Ring)> {
    let Resolved { layout, rdonly_cast, function_ids } = host.resolve()?;
    let page_bytes = u32::try_from(rustix::param::page_size()).context("size of a page")?;
    let (probes, records) = Probes::attach(&Setup {
        rung,
        is_module: host.facts.dm_mod == DmMod::Module,
        function_ids,
        rdonly_cast,
        layout: &layout,
        filter: &config.filter.kernel_part(),
        ring_bytes: config.ring.bytes(page_bytes),
    })?;
    Ok((probes, Ring::new(records)?))
}

/// A run in progress.
struct Run<'a> {
    probes: Probes,
    ring: Ring,
    stream: Stream<'a>,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config, probes: Probes, ring: Ring) -> Result<Self> {
        Ok(Self { probes, ring, stream: Stream::new(config)? })
    }

    /// Traces until something ends the run, and gives the account.
    async fn until(mut self, stop: &mut Stop) -> Result<Exit> {
        while self.stream.goes_on() {
            let count = self.ring.drain(BATCH, |record| self.stream.take(record));
            if let Err(error) = self.stream.flush() {
                self.finish()?;
                return Err(error);
            }
            // Signals are looked at between batches even if the ring never runs empty.
            if count == BATCH {
                if stop.within(Duration::ZERO).await {
                    break;
                }
                continue;
            }
            if self.ring.announce(&mut self.probes)? {
                continue;
            }
            tokio::select! {
                ready = self.ring.wait() => ready?,
                () = stop.wait() => break,
            }
        }
        let exit = self.finish()?;
        stop.verdict().map(|()| exit)
    }

    /// Detaches, reads what is left, and tells what became of every message.
    fn finish(mut self) -> Result<Exit> {
        self.probes.detach()?;
        // A program that ran on another CPU may still be writing.
        let patience = Instant::now();
        let counters = loop {
            self.ring.drain(usize::MAX, |record| self.stream.take(record));
            let counters = self.probes.counters()?;
            if self.stream.tally.read() == counters.delivered || patience.elapsed() > LAST_RECORDS {
                break counters;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let totals = self.stream.tally.totals(&counters);
        self.stream.end(&totals)
    }
}

/// What becomes of the records.
struct Stream<'a> {
    config: &'a Config,
    output: Output,
    lookup: Lookup,
    sink: Sink,
    tally: Tally,
    losses: Losses,
    reader: Reader,
}

impl<'a> Stream<'a> {
    fn new(config: &'a Config) -> Result<Self> {
        let anchor = anchor();
        let mut output = match config.format {
            Format::Table { wide } => Output::Table(Table::new(local_clock(anchor), wide)),
            Format::Json => Output::Json(Json::new(Clock::utc(anchor))),
        };
        let mut sink = Sink::stdout();
        output.start(sink.lines());
        let reader = sink.flush().context("write to standard output")?;
        Ok(Self {
            config,
            output,
            lookup: Lookup::default(),
            sink,
            tally: Tally::default(),
            losses: Losses::default(),
            reader,
        })
    }

    /// Whether anybody wants more.
    fn goes_on(&self) -> bool {
        let enough = self.config.count.is_some_and(|count| self.tally.shown() >= count.get());
        self.reader == Reader::Listens && !enough
    }

    /// Takes one record; none is lost, but one that nobody wants is not shown.
    fn take(&mut self, record: &[u8]) {
        let message = match Event::from_record(record) {
            Event::Message(message) => message,
            Event::Bad(bad) => {
                if self.tally.bad_record() == 1 {
                    say(format_args!("a message is lost, and maybe more: {}", bad.error));
                }
                self.output.bad_record(self.sink.lines(), bad);
                return;
            }
        };
        let lost = self.tally.note_losses(&message);
        if lost > 0 {
            self.losses.add(lost);
            self.output.lost(self.sink.lines(), lost);
        }
        if self.goes_on() && self.config.filter.admits(&message) {
            self.show(&message);
        } else {
            self.tally.turn_away();
        }
    }

    fn show(&mut self, message: &Message<'_>) {
        let context = if self.output.wants_context() {
            self.lookup.answer(&Question::about(message))
        } else {
            Context::default()
        };
        self.output.message(self.sink.lines(), message, context);
        self.tally.show();
    }

    fn flush(&mut self) -> Result<()> {
        self.losses.tell();
        if !self.sink.lines().is_empty() {
            self.reader = self.sink.flush().context("write to standard output")?;
        }
        Ok(())
    }

    /// Writes the end of the output and the totals.
    fn end(&mut self, totals: &Totals) -> Result<Exit> {
        let untold = self.tally.untold_losses(totals);
        if untold > 0 {
            self.losses.add(untold);
            self.output.lost(self.sink.lines(), untold);
        }
        self.output.end(self.sink.lines(), totals);
        self.losses.told = None;
        let written = self.flush();
        say(format_args!("{totals}"));
        written?;
        totals.check()?;
        let lost = totals.lost > 0 && self.config.strict;
        Ok(if lost { Exit::Lost } else { Exit::Done })
    }
}

/// Losses that people have not been told of.
#[derive(Default)]
struct Losses {
    count: u64,
    told: Option<Instant>,
}

impl Losses {
    const fn add(&mut self, count: u64) {
        self.count += count;
    }

    /// Tells of losses, but not all the time.
    fn tell(&mut self) {
        if self.count == 0 || self.told.is_some_and(|told| told.elapsed() < LOSS_NOTE_INTERVAL) {
            return;
        }
        say(format_args!(
            "lost {} messages: the ring was full, or the kernel skipped a probe; see --ring",
            self.count
        ));
        *self = Self { count: 0, told: Some(Instant::now()) };
    }
}

/// Measures where the boot clock stands in wall time.
fn anchor() -> Anchor {
    let ns = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    Anchor { wall_ns_at_boot_zero: ns(ClockId::Realtime) - ns(ClockId::Boottime) }
}

fn local_clock(anchor: Anchor) -> Clock {
    Clock::local(anchor, jiff::ZonedDateTime::now().offset().seconds())
}
