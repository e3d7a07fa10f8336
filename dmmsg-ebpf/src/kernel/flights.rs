//! Where calls in flight are kept: in tables of slots that a task takes and gives back.
//!
//! A slot belongs to the task that makes the call, which makes one at a time. Task storage would be
//! the obvious place, but looking it up three times a message costs 280 instructions more on 6.12,
//! and user space could not look through it for what does not return.

use core::{
    intrinsics::{AtomicOrdering, atomic_cxchg},
    ptr,
};

use aya_ebpf::maps::Array;

use super::task::Task;

/// Slots from which a task takes the first that is free.
const REACH: u32 = 4;

/// What is kept of a call in flight.
///
/// # Safety
/// `repr(C)`, its first field is a `u64` for the owner, and any bytes of it are a value.
pub unsafe trait Flight: Sized + 'static {
    /// Slots in the table, a power of two.
    const SLOTS: u32;

    /// The table of slots, zeroed by the kernel: a slot of no owner is free.
    fn table() -> &'static Array<Self>;
}

/// Takes a slot for a call of the task; `None` where others hold all within its reach.
#[inline(always)]
pub fn take_off<F: Flight>(task: &Task) -> Option<&'static mut F> {
    let first = first_slot::<F>(task);
    for step in 0..REACH {
        let slot = slot::<F>(first + step)?;
        if own(slot, task.number) {
            // SAFETY: not null, and ours alone until `land`; any bytes of it are a value.
            return unsafe { slot.as_mut() };
        }
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

/// Makes a free slot that of the task.
#[inline(always)]
fn own<F: Flight>(slot: *mut F, number: u64) -> bool {
    // SAFETY: the owner is an aligned `u64` in a map, which others only change atomically.
    let (before, free) = unsafe {
        atomic_cxchg::<u64, { AtomicOrdering::AcqRel }, { AtomicOrdering::Acquire }>(
            slot.cast::<u64>(),
            0,
            number,
        )
    };
    // A slot that the same task owns already was left by a call whose end was missed.
    free || before == number
}

#[inline(always)]
fn slot<F: Flight>(index: u32) -> Option<*mut F> {
    F::table().get_ptr_mut(index % F::SLOTS)
}

#[inline(always)]
fn first_slot<F: Flight>(task: &Task) -> u32 {
    // Fibonacci hashing: the top bits of the product depend on all bits of the address.
    (task.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32 >> (32 - F::SLOTS.ilog2())
}
