//! A run of `dmmsg-trace`, from the command line to the totals.

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime, time::sleep};

use super::{
    attach::{CannotAttach, climb, wait_for_device_mapper},
    capture::{Recorder, Target, WriteRefusal},
    chores::{Chore, Chores},
    cli::{self, Config},
    facts::{self, Host},
    kernel::{Probes, ring::Ring},
    lookup::{Lookup, has_returned},
    replay::replay,
    say,
    sink::Sink,
    stop::Stop,
    stream::{Source, Stream},
    verbs,
};
use crate::engine::{
    capture::{CaptureError, Start},
    clock::Anchor,
    doctor::Diagnosis,
    event::Event,
    exit::Exit,
    in_flight::Watch,
    plan::{Refusal, Rung},
};

/// Records read in one go, before their lines are written and signals are looked at again.
const BATCH: usize = 512;
/// How long to wait at the end for records that programs are still writing.
const LAST_RECORDS: Duration = Duration::from_millis(200);

/// Runs the program.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let config = match cli::parse(words) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let result = match (&config.read, config.verbs) {
        (_, Some(selection)) => verbs::list(selection, config.format),
        (Some(path), None) => with_runtime(replay(&config, path)),
        (None, None) if config.doctor => diagnose(&config),
        (None, None) => with_runtime(trace(&config)),
    };
    result.unwrap_or_else(|error| {
        say(format_args!("{error:#}"));
        exit_of(&error)
    })
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<Refusal>() || error.is::<CannotAttach>() {
        Exit::Refused
    } else if error.is::<CaptureError>() {
        Exit::Invalid
    } else if error.is::<WriteRefusal>() {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

fn with_runtime(run: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start the runtime")?.block_on(run)
}

fn diagnose(config: &Config) -> Result<Exit> {
    let host = Host::look(true)?;
    let diagnosis = Diagnosis::of(&host.facts, config.probe);
    let mut sink = Sink::stdout();
    sink.lines().extend(diagnosis.to_string().bytes());
    let _ = sink.flush().context("write to standard output")?;
    Ok(if diagnosis.works() { Exit::Done } else { Exit::Refused })
}

async fn trace(config: &Config) -> Result<Exit> {
    let target = config.write.as_ref().map(|write| Target::open(write, None)).transpose()?;
    // After opening what may be a pipe that nobody has opened yet: that ends by a signal as it is.
    let mut stop = Stop::new()?;
    let Some((host, wanted)) = wait_for_device_mapper(config.probe, &mut stop).await? else {
        return Ok(Exit::Done);
    };
    // Before attaching, so that a module that goes meanwhile is missed.
    let module = facts::dm_mod_instance();
    let (probes, records, rung) = climb(config, wanted, host).context(CannotAttach)?;
    if rung == Rung::Kprobe {
        stop.when_module_goes(module);
    }
    let mut run = Run::new(config, probes, records, target)?;
    // Before anybody is told that all is seen.
    run.follow_modules();
    say(format_args!("tracing by {}, Ctrl-C ends", rung.name()));
    stop.after(config.duration);
    run.until(&mut stop).await
}

/// A run in progress.
struct Run<'a> {
    config: &'a Config,
    probes: Probes,
    ring: Ring,
    lookup: Lookup,
    stream: Stream<'a>,
    chores: Chores,
    watch: Watch,
}

impl<'a> Run<'a> {
    fn new(config: &'a Config, probes: Probes, ring: Ring, target: Option<Target>) -> Result<Self> {
        let start = start();
        let recorder = target.map(|target| Recorder::begin(target, start.clone())).transpose()?;
        let stream = Stream::new(config, Source::Ring, &start, recorder);
        let every = config.intervals.map(|intervals| intervals.every);
        let chores = Chores::new(probes.has_handlers(), config.stuck, every);
        let (lookup, watch) = (Lookup::default(), Watch::default());
        Ok(Self { config, probes, ring, lookup, stream, chores, watch })
    }

    /// Traces until something ends the run, and gives the account.
    async fn until(mut self, stop: &mut Stop) -> Result<Exit> {
        while self.stream.goes_on() {
            let count = self.drain();
            while let Some(chore) = self.chores.take() {
                self.carry_out(chore);
            }
            // A capture may wait for its disk.
            tokio::select! {
                biased;
                () = self.stream.flush() => {}
                () = stop.wait() => break,
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
                () = self.stream.due() => {}
                () = self.chores.wait() => {}
                () = stop.wait() => break,
            }
        }
        let exit = self.finish().await?;
        stop.verdict().map(|()| exit)
    }

    /// Takes a batch of records; returns how many there were.
    fn drain(&mut self) -> usize {
        self.ring.drain(BATCH, |record| self.stream.take(record, &mut self.lookup))
    }

    fn carry_out(&mut self, chore: Chore) {
        match chore {
            Chore::FollowModules => self.follow_modules(),
            Chore::ShowInterval => self.stream.interval(boot_ns()),
            Chore::LookForStuck => {
                self.tell_of_stuck(self.config.stuck);
            }
        }
    }

    /// Puts probes on the message methods of targets that have come since.
    fn follow_modules(&mut self) {
        for (module, error) in self.probes.follow_handlers() {
            say(format_args!("time in the target is not measured for {module}: {error:#}"));
        }
    }

    /// Shows the messages that have been in flight for so long, each once.
    ///
    /// Returns how many others have returned without a probe to see it: the kernel keeps the returns
    /// of a bounded number of calls for a kretprobe.
    fn tell_of_stuck(&mut self, age: Duration) -> u64 {
        let now = boot_ns();
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let Self { probes, stream, lookup, watch, .. } = self;
        let mut unseen = 0;
        let looked = probes.in_flight(|slot| {
            let Some(record) = watch.look(slot, now, age) else { return };
            if Event::from_record(record.bytes()).call().is_some_and(has_returned) {
                unseen += 1;
            } else {
                stream.take(record.bytes(), lookup);
            }
        });
        if let Err(error) = looked {
            say(format_args!("messages in flight are not shown: {error:#}"));
        }
        unseen
    }

    /// Detaches, reads what is left, and tells what became of every message.
    async fn finish(mut self) -> Result<Exit> {
        self.probes.detach()?;
        // A program that ran on another CPU may still be writing.
        let patience = Instant::now();
        let mut counters = loop {
            while self.drain() > 0 {
                self.stream.flush().await;
            }
            let counters = self.probes.counters()?;
            let read = self.stream.tally().read();
            if read == counters.delivered || patience.elapsed() > LAST_RECORDS {
                break counters;
            }
            sleep(Duration::from_millis(1)).await;
        };
        self.watch = Watch::default();
        counters.lost += self.tell_of_stuck(Duration::ZERO).min(counters.in_flight());
        if self.config.intervals.is_some() {
            self.stream.interval(boot_ns());
        }
        self.stream.end(&counters).await
    }
}

/// Measures where the boot clock stands in wall time.
fn anchor() -> Anchor {
    let boot = now_ns(ClockId::Boottime);
    Anchor { wall_ns_at_boot_zero: now_ns(ClockId::Realtime) - boot }
}

fn boot_ns() -> u64 {
    now_ns(ClockId::Boottime).cast_unsigned()
}

fn now_ns(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// What a capture of this run says of itself.
fn start() -> Start {
    Start {
        anchor: anchor(),
        utc_offset_s: jiff::ZonedDateTime::now().offset().seconds(),
        lost_before: 0,
        kernel: rustix::system::uname().release().to_bytes().to_vec(),
        program: concat!("dmmsg-trace ", env!("CARGO_PKG_VERSION")).into(),
    }
}
