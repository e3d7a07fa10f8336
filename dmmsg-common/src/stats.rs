//! Per-CPU counters of what happened to the calls a probe saw.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counters of one CPU. `hits = delivered + lost + filtered + in flight`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Counters {
    /// Calls that began.
    pub hits: u64,
    /// Records written to the ring.
    pub delivered: u64,
    /// Calls for which there was no room in the ring or no in-flight state, or whose return was missed.
    pub lost: u64,
    /// Calls that a filter in the kernel turned away.
    pub filtered: u64,
    /// Those of `filtered` whose sender had used up its budget of direct ioctls.
    pub over_budget: u64,
}

const _: () = assert!(size_of::<Counters>() == size_of::<[u64; 5]>());

impl Counters {
    /// Adds another CPU's counters.
    pub const fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.filtered += other.filtered;
        self.over_budget += other.over_budget;
    }

    /// Calls that have begun and not ended.
    pub const fn in_flight(&self) -> u64 {
        self.hits.saturating_sub(self.delivered + self.lost + self.filtered)
    }
}
