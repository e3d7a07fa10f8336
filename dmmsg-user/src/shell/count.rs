//! A run in which the kernel counts, and nobody wants to see single messages.

use std::time::{Duration, Instant};

use anyhow::Result;
use dmmsg_common::stats::Counters;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    config::Config,
    kernel::Counting,
    missed::missed_returns,
    run::{boot_ns, start},
    stop::Stop,
    stream::{Source, Stream},
};
use crate::engine::{exit::Exit, tally::settle};

/// How often losses are looked for, where no interval is shorter.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait at the end for programs that are still counting.
const LAST_CALLS: Duration = Duration::from_millis(200);

/// A run in progress.
pub struct Count<'a> {
    config: &'a Config,
    probes: Counting,
    stream: Stream<'a>,
    /// Calls that were counted, as far as they have been read.
    counted: u64,
}

impl<'a> Count<'a> {
    /// Prepares the output for attached probes.
    pub fn new(config: &'a Config, probes: Counting) -> Self {
        let stream = Stream::new(config, Source::Ring, &start(), None);
        Self { config, probes, stream, counted: 0 }
    }

    /// Counts until something ends the run, and gives the account.
    ///
    /// # Errors
    /// The output cannot be written, the kernel does not tell what it missed, or the account does not
    /// balance.
    pub async fn until(mut self, stop: &mut Stop) -> Result<Exit> {
        let every = self.config.intervals.map_or(LOOK, |intervals| intervals.every);
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is at once.
        ticks.tick().await;
        while self.stream.goes_on() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.wait() => break,
            }
            self.stream.take_lost(self.probes.totals().lost);
            if self.config.intervals.is_some() {
                self.take();
                self.stream.interval(boot_ns());
            }
            self.stream.flush().await;
        }
        let exit = self.finish().await?;
        stop.verdict().map(|()| exit)
    }

    /// Takes what was counted since the last time.
    fn take(&mut self) {
        for (kind, latencies) in self.probes.take_latencies() {
            self.counted += latencies.count();
            self.stream.take_counted(kind, &latencies);
        }
    }

    /// Detaches, reads what is left, and tells what became of every call.
    async fn finish(mut self) -> Result<Exit> {
        let missed = missed_returns(|each| {
            self.probes.in_flight(|begun| each(begun, begun.pid(), begun.tid()));
        })
        .await;
        self.probes.detach()?;
        let patience = Instant::now();
        let (counters, returned, hanging) = loop {
            self.take();
            let (mut returned, mut hanging) = (0, 0);
            self.probes.in_flight(|begun| {
                *if missed.contains(&begun) { &mut returned } else { &mut hanging } += 1;
            });
            let counters = self.counters();
            // A program that runs on another CPU may still be counting.
            if counters.in_flight() <= returned + hanging || patience.elapsed() > LAST_CALLS {
                break (counters, returned, hanging);
            }
            sleep(Duration::from_millis(1)).await;
        };
        let counters = settle(&counters, self.probes.hooks().missed(), returned, hanging);
        if self.config.intervals.is_some() {
            self.stream.interval(boot_ns());
        }
        self.stream.end(&counters).await
    }

    fn counters(&self) -> Counters {
        let totals = self.probes.totals();
        let hits = totals.messages + totals.directs + totals.controls;
        Counters { hits, delivered: self.counted, lost: totals.lost, filtered: 0, over_budget: 0 }
    }
}
