//! A run that traces: from attached probes to the totals.

use std::{
    collections::HashSet,
    future,
    time::{Duration, Instant},
};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;

use super::{
    capture::{Recorder, Target},
    chores::{Chore, Chores},
    config::{Config, Format},
    kernel::{Probes, ring::Ring},
    lookup::{Lookup, whereabouts},
    missed::missed_returns,
    say,
    screen::{Key, Screen},
    stop::Stop,
    stream::{Source, Stream},
};
use crate::engine::{
    capture::Start,
    clock::{Anchor, Clock},
    enrich::syscall::Whereabouts,
    event::Event,
    exit::Exit,
    in_flight::{Begun, Watch},
    render::top::Status,
    tally::settle,
    top::Order,
};

/// Records read in one go, before their lines are written and signals are looked at again.
const BATCH: usize = 512;
/// How long to wait at the end for records that programs are still writing.
const LAST_RECORDS: Duration = Duration::from_millis(200);
/// How often a screen is drawn.
const TICK: Duration = Duration::from_secs(1);

/// A run in progress.
pub struct Run<'a> {
    config: &'a Config,
    probes: Probes,
    ring: Ring,
    lookup: Lookup,
    stream: Stream<'a>,
    chores: Chores,
    watch: Watch,
    screen: Option<Screen>,
    clock: Clock,
    /// When the screen's last tick ended: `CLOCK_BOOTTIME` in ns.
    tick_boot_ns: u64,
}

impl<'a> Run<'a> {
    /// Prepares outputs for attached probes.
    ///
    /// # Errors
    /// The capture or the screen cannot be begun.
    pub fn new(
        config: &'a Config,
        probes: Probes,
        ring: Ring,
        target: Option<Target>,
    ) -> Result<Self> {
        let start = start();
        let recorder = target.map(|target| Recorder::begin(target, start.clone())).transpose()?;
        let stream = Stream::new(config, Source::Ring, &start, recorder);
        let clock = Clock::local(start.anchor, start.utc_offset_s);
        let is_top = config.format == Format::Top;
        let every = config.intervals.map(|intervals| intervals.every).or(is_top.then_some(TICK));
        let chores = Chores::new(probes.has_handlers(), config.stuck, every);
        let (lookup, watch) = (Lookup::default(), Watch::default());
        let screen = is_top.then(Screen::open).transpose()?;
        let tick_boot_ns = boot_ns();
        Ok(Self {
            config,
            probes,
            ring,
            lookup,
            stream,
            chores,
            watch,
            screen,
            clock,
            tick_boot_ns,
        })
    }

    /// Traces until something ends the run, and gives the account.
    ///
    /// # Errors
    /// The output cannot be written, the kernel's maps cannot be read, or the account does not balance.
    pub async fn until(mut self, stop: &mut Stop) -> Result<Exit> {
        self.draw()?;
        while self.stream.goes_on() {
            let count = self.drain();
            while let Some(chore) = self.chores.take() {
                self.carry_out(chore)?;
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
            if self.ring.announce(&mut self.probes) {
                continue;
            }
            tokio::select! {
                ready = self.ring.wait() => ready?,
                () = self.stream.due() => {}
                () = self.chores.wait() => {}
                key = pressed(&mut self.screen) => match key {
                    Key::Quit => break,
                    Key::Order(order) => self.order(order)?,
                    Key::Redraw => self.draw()?,
                },
                () = stop.wait() => break,
            }
        }
        self.screen = None;
        let exit = self.finish().await?;
        stop.verdict().map(|()| exit)
    }

    /// Takes a batch of records; returns how many there were.
    fn drain(&mut self) -> usize {
        self.ring.drain(BATCH, |record| self.stream.take(record, &mut self.lookup))
    }

    fn carry_out(&mut self, chore: Chore) -> Result<()> {
        match chore {
            Chore::FollowModules => self.follow_modules(),
            Chore::ShowInterval if self.screen.is_some() => return self.tick(),
            Chore::ShowInterval => self.stream.interval(boot_ns()),
            // A screen shows what is in flight at each tick.
            Chore::LookForStuck if self.screen.is_some() => {}
            Chore::LookForStuck => self.tell_of_stuck(self.config.stuck),
        }
        Ok(())
    }

    /// Ends a tick of the screen.
    fn tick(&mut self) -> Result<()> {
        let now = boot_ns();
        if let Some(top) = self.stream.top() {
            top.tick(now - self.tick_boot_ns);
            top.forget_hanging();
        }
        self.tick_boot_ns = now;
        self.watch = Watch::default();
        self.tell_of_stuck(Duration::ZERO);
        self.draw()
    }

    fn order(&mut self, order: Order) -> Result<()> {
        if let Some(top) = self.stream.top() {
            top.set_order(order);
        }
        self.draw()
    }

    fn draw(&mut self) -> Result<()> {
        let (shown, lost) = (self.stream.tally().shown(), self.stream.tally().lost());
        let status = Status { time: self.clock.time_of_day(boot_ns()), shown, lost };
        match (&mut self.screen, self.stream.top()) {
            (Some(screen), Some(top)) => screen.draw(top, &status),
            _ => Ok(()),
        }
    }

    /// Puts probes on the message methods of targets that have come since.
    pub fn follow_modules(&mut self) {
        for (module, error) in self.probes.follow_handlers() {
            say(format_args!("time in the target is not measured for {module}: {error:#}"));
        }
    }

    /// Shows the messages that have been in flight for so long, each once.
    fn tell_of_stuck(&mut self, age: Duration) {
        let now = boot_ns();
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let Self { probes, stream, lookup, watch, .. } = self;
        watch.begin();
        probes.in_flight(|slot| {
            let Some(record) = watch.look(slot, now, age) else { return };
            let event = Event::from_record(record.bytes());
            let place = event.call().map(|call| whereabouts(call.pid, call.tid));
            if place != Some(Whereabouts::Returned) {
                stream.take(record.bytes(), lookup);
            }
        });
    }

    /// Shows what is still in flight when the run is over, but for those in `missed`.
    ///
    /// Returns how many of these there are, and how many others.
    fn show_in_flight(&mut self, missed: &HashSet<Begun>) -> (u64, u64) {
        let now = boot_ns();
        let Self { probes, stream, lookup, .. } = self;
        let (mut watch, mut returned, mut hanging) = (Watch::default(), 0, 0);
        probes.in_flight(|slot| {
            let Some(record) = watch.look(slot, now, 0) else { return };
            if Begun::of(slot).is_some_and(|(begun, _)| missed.contains(&begun)) {
                returned += 1;
            } else {
                hanging += 1;
                stream.take(record.bytes(), lookup);
            }
        });
        (returned, hanging)
    }

    /// Detaches, reads what is left, and tells what became of every message.
    async fn finish(mut self) -> Result<Exit> {
        let missed = missed_returns(|each| {
            self.probes.in_flight(|slot| {
                if let Some((begun, call)) = Begun::of(slot) {
                    each(begun, call.pid, call.tid);
                }
            });
        })
        .await;
        self.probes.detach()?;
        // A program that ran on another CPU may still be writing.
        let patience = Instant::now();
        let counters = loop {
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
        let (returned, hanging) = self.show_in_flight(&missed);
        let counters = settle(&counters, self.probes.missed(), returned, hanging);
        if self.config.intervals.is_some() {
            self.stream.interval(boot_ns());
        }
        self.stream.end(&counters).await
    }
}

/// The next key on the screen, if there is one.
async fn pressed(screen: &mut Option<Screen>) -> Key {
    match screen {
        Some(screen) => screen.key().await,
        None => future::pending().await,
    }
}

/// Measures where the boot clock stands in wall time.
fn anchor() -> Anchor {
    let boot = now_ns(ClockId::Boottime);
    Anchor { wall_ns_at_boot_zero: now_ns(ClockId::Realtime) - boot }
}

/// `CLOCK_BOOTTIME` in ns.
pub fn boot_ns() -> u64 {
    now_ns(ClockId::Boottime).cast_unsigned()
}

fn now_ns(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// What a capture of this run says of itself.
pub fn start() -> Start {
    Start {
        anchor: anchor(),
        utc_offset_s: jiff::ZonedDateTime::now().offset().seconds(),
        lost_before: 0,
        kernel: rustix::system::uname().release().to_bytes().to_vec(),
        program: concat!("dmmsg-trace ", env!("CARGO_PKG_VERSION")).into(),
    }
}
