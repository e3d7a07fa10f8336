//! The counters of what happened to calls that are recorded.

use core::ptr;

use aya_ebpf::{
    macros::map,
    maps::{Array, PerCpuArray},
};
use dmmsg_common::stats::Counters;

use super::atomic::fetch_add;

/// One [`Counters`] a CPU.
#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// What all CPUs count together.
#[repr(C)]
pub struct Totals {
    numbered: u64,
    lost: u64,
}

/// One [`Totals`].
#[map]
static TOTALS: Array<Totals> = Array::with_max_entries(1, 0);

/// Which of [`Counters`] to bump.
#[derive(Clone, Copy)]
pub enum Count {
    /// A call began.
    Hit,
    /// A record went out.
    Delivered,
    /// A filter turned a call away.
    Filtered,
    /// A filtered call came from a sender that had used up its budget.
    OverBudget,
}

/// Adds one to a counter of this CPU.
///
/// Atomic, since a kernel with preemption may run another task's probe in the middle of this one.
#[inline(always)]
pub fn count(what: Count) {
    let Some(counters) = COUNTERS.get_ptr_mut(0) else { return };
    let counter = match what {
        // SAFETY: `counters` points to a `Counters` that lives as long as the map.
        Count::Hit => unsafe { &raw mut (*counters).hits },
        // SAFETY: as above.
        Count::Delivered => unsafe { &raw mut (*counters).delivered },
        // SAFETY: as above.
        Count::Filtered => unsafe { &raw mut (*counters).filtered },
        // SAFETY: as above.
        Count::OverBudget => unsafe { &raw mut (*counters).over_budget },
    };
    fetch_add(counter, 1);
}

/// Counts a call as lost, for this CPU and for the records to come.
#[inline(always)]
pub fn lose() {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: `counters` points to a `Counters` that lives as long as the map.
        fetch_add(unsafe { &raw mut (*counters).lost }, 1);
    }
    if let Some(totals) = TOTALS.get_ptr_mut(0) {
        // SAFETY: `totals` points to a `Totals` that lives as long as the map.
        fetch_add(unsafe { &raw mut (*totals).lost }, 1);
    }
}

/// The number of the next record, and how many calls are lost by now.
#[inline(always)]
pub fn next_number() -> Option<(u64, u64)> {
    let totals = TOTALS.get_ptr_mut(0)?;
    // SAFETY: `totals` points to a `Totals` that lives as long as the map.
    let numbered = unsafe { &raw mut (*totals).numbered };
    // SAFETY: as above.
    let lost = unsafe { &raw const (*totals).lost };
    // SAFETY: as above; an aligned `u64` is read at once.
    Some((fetch_add(numbered, 1), unsafe { ptr::read_volatile(lost) }))
}
