//! How many calls began, and how many were not counted in the end.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};
use dmmsg_common::count::Totals;

use super::atomic::fetch_add;

/// One [`Totals`] for each shard of CPUs; the loader sets how many.
#[map]
static TOTALS: Array<Totals> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Which of [`Totals`] to bump.
#[derive(Clone, Copy)]
pub enum Total {
    /// A message began.
    Message,
    /// A direct ioctl began, on a device.
    Direct,
    /// An ioctl to the control node began that is no message.
    Control,
    /// A call is not counted: there was no room for it, or its return was missed.
    Lost,
}

/// Adds one to a total of this shard.
#[inline(always)]
pub fn add(what: Total, shard: u32) {
    let Some(totals) = TOTALS.get_ptr_mut(shard) else { return };
    let total = match what {
        // SAFETY: `totals` points to a `Totals` that lives as long as the map.
        Total::Message => unsafe { &raw mut (*totals).messages },
        // SAFETY: as above.
        Total::Direct => unsafe { &raw mut (*totals).directs },
        // SAFETY: as above.
        Total::Control => unsafe { &raw mut (*totals).controls },
        // SAFETY: as above.
        Total::Lost => unsafe { &raw mut (*totals).lost },
    };
    fetch_add(total, 1);
}
