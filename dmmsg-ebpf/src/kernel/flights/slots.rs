//! A table of slots, which tasks take by compare-and-exchange.

use core::{
    intrinsics::{AtomicOrdering, atomic_cxchg},
    ptr,
};

use aya_ebpf::{bindings::BPF_F_MMAPABLE, maps::Array};

use super::Flight;
use crate::kernel::{opaque::opaque, task::Task};

/// Slots from which a task takes the first that is free.
const REACH: u32 = 4;

/// The slots, zeroed by the kernel: one without an owner is free.
pub type Table<F> = Array<F>;

/// A table for flights, which user space can see as memory.
pub const fn table<F: Flight>() -> Table<F> {
    Array::with_max_entries(F::PLACES, BPF_F_MMAPABLE)
}

/// Takes a slot for a call of the task; `None` where others hold all within its reach.
#[inline(always)]
pub fn take_off<F: Flight>(task: &Task) -> Option<&'static mut F> {
    let first = first_slot::<F>(task);
    for step in 0..REACH {
        let slot = slot::<F>(first + step)?;
        let Some(was) = own(slot, task.number) else { continue };
        // SAFETY: not null, and ours alone until `land`; what stands there is a value.
        let flight = unsafe { slot.as_mut() }?;
        if was == Before::Ours {
            flight.abandon();
        }
        return Some(flight);
    }
    None
}

/// The task's call in flight.
#[inline(always)]
pub fn find<F: Flight>(task: &Task) -> Option<&'static mut F> {
    let first = first_slot::<F>(task);
    for step in 0..REACH {
        let slot = slot::<F>(first + step)?;
        // SAFETY: the owner is an aligned `u64` in a map; others may change it, but never to or from
        // our number.
        if unsafe { ptr::read_volatile(slot.cast::<u64>()) } == task.number {
            // SAFETY: not null, and ours alone, as its owner says.
            return unsafe { slot.as_mut() };
        }
    }
    None
}

/// Gives the call's slot back.
#[inline(always)]
pub fn land<F: Flight>(flight: &mut F) {
    let owner = ptr::from_mut(flight).cast::<u64>();
    // SAFETY: an aligned `u64` in a map. Volatile and last: from here on the slot is another's.
    unsafe { ptr::write_volatile(owner, 0) };
}

/// Whose a slot was before.
#[derive(PartialEq, Eq)]
enum Before {
    Free,
    /// Left by a call of the same task, whose end was missed.
    Ours,
}

/// Makes a slot that of the task, unless it is another's.
#[inline(always)]
fn own<F: Flight>(slot: *mut F, number: u64) -> Option<Before> {
    // SAFETY: the owner is an aligned `u64` in a map, which others only change atomically.
    let (before, _) = unsafe {
        atomic_cxchg::<u64, { AtomicOrdering::AcqRel }, { AtomicOrdering::Acquire }>(
            slot.cast::<u64>(),
            0,
            number,
        )
    };
    // To ask for success takes four instructions more, and the compiler would.
    let before = opaque(before);
    if before == 0 {
        Some(Before::Free)
    } else if before == number {
        Some(Before::Ours)
    } else {
        None
    }
}

#[inline(always)]
fn slot<F: Flight>(index: u32) -> Option<*mut F> {
    F::places().get_ptr_mut(index % F::PLACES)
}

#[inline(always)]
fn first_slot<F: Flight>(task: &Task) -> u32 {
    // Fibonacci hashing: the top bits of the product depend on all bits of the address.
    let hash = task.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - F::PLACES.ilog2())) as u32
}
