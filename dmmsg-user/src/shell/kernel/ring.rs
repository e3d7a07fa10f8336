//! The ring of records, read in bursts and waited for in between.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::{Ordering, fence},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::maps::{MapData, RingBuf};
use dmmsg_common::wake::Reader;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::timeout,
};

use super::Probes;

/// How long a nap lasts at most: in a burst, records lie this long before they are read.
const NAP: Duration = Duration::from_millis(5);
/// How long a sleep lasts at most: a ring that filled up while its bell rang cannot ring again.
const SLEEP: Duration = Duration::from_secs(1);
/// How long after the last record a burst counts as over.
const BURST_OVER: Duration = Duration::from_millis(50);

/// The reader's end of the ring.
pub struct Ring {
    records: RingBuf<MapData>,
    ready: AsyncFd<OwnedFd>,
    /// What the probes were told last; `None` where they may have changed it since.
    told: Option<Reader>,
    last_record: Option<Instant>,
}

impl Ring {
    /// Makes a ring that can be waited for; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The descriptor cannot be duplicated or registered.
    pub fn new(records: RingBuf<MapData>) -> Result<Self> {
        let fd = records.as_fd().try_clone_to_owned().context("duplicate the ring's descriptor")?;
        Ok(Self { records, ready: readable(fd)?, told: None, last_record: None })
    }

    /// Hands at most `limit` records to `take`; returns how many there were.
    pub fn drain(&mut self, limit: usize, mut take: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < limit {
            let Some(record) = self.records.next() else { break };
            take(&record);
            count += 1;
        }
        if count > 0 {
            self.last_record = Some(Instant::now());
        }
        count
    }

    /// Announces how the reader is going to wait, as [`dmmsg_common::wake`] wants it.
    ///
    /// Returns whether the ring must be drained once more before [`Ring::wait`].
    pub fn announce(&mut self, probes: &mut Probes) -> bool {
        let in_burst = self.last_record.is_some_and(|last| last.elapsed() < BURST_OVER);
        let next = if in_burst { Reader::Napping } else { Reader::Asleep };
        if self.told == Some(next) {
            return false;
        }
        probes.set_reader(next);
        // The last look at the ring must not be taken before the probes can see the state.
        fence(Ordering::SeqCst);
        self.told = Some(next);
        true
    }

    /// Waits until a probe rings, or until a nap or a sleep is over.
    ///
    /// # Errors
    /// The ring cannot be waited for.
    pub async fn wait(&mut self) -> Result<()> {
        let ready = async {
            let mut guard = self.ready.readable().await.context("wait for the ring")?;
            guard.clear_ready();
            Ok(())
        };
        let napping = self.told == Some(Reader::Napping);
        match timeout(if napping { NAP } else { SLEEP }, ready).await {
            Ok(rung) => {
                self.told = None;
                rung
            }
            // Only a nap is taken again without a word.
            Err(_) if napping => Ok(()),
            Err(_) => {
                self.told = None;
                Ok(())
            }
        }
    }
}

/// Makes a descriptor that can be waited for until it can be read.
///
/// # Errors
/// It cannot be waited for.
pub fn readable(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by the `AsyncFd` and stays open as long as it lives.
    let ready = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    ready.context("wait for a descriptor")
}
