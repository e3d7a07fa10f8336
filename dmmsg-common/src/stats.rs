//! Per-CPU counters of what happened to the messages a probe saw.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counters of one CPU. `hits = delivered + lost + filtered + in flight`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Counters {
    /// Messages whose dispatch began.
    pub hits: u64,
    /// Records written to the ring.
    pub delivered: u64,
    /// Messages for which there was no room in the ring or no in-flight state.
    pub lost: u64,
    /// Messages that a filter in the kernel turned away.
    pub filtered: u64,
}

const _: () = assert!(size_of::<Counters>() == size_of::<[u64; 4]>());

impl Counters {
    /// Adds another CPU's counters.
    pub const fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.filtered += other.filtered;
    }

    /// Messages that have begun and not ended.
    pub const fn in_flight(&self) -> u64 {
        self.hits.saturating_sub(self.delivered + self.lost + self.filtered)
    }
}
