//! A hash map by task, for kernels without compare-and-exchange in programs.

use core::ptr;

use aya_ebpf::{
    helpers::generated as helper,
    macros::map,
    maps::{Array, HashMap},
};

use super::{FLIGHT_MAX, Flight};
use crate::kernel::task::Task;

/// The flights, by the task's number.
pub type Table<F> = HashMap<u64, F>;

/// A table for flights.
pub const fn table<F: Flight>() -> Table<F> {
    HashMap::with_max_entries(F::PLACES, 0)
}

/// What a new place is filled with.
#[map]
static ZEROES: Array<[u8; FLIGHT_MAX]> = Array::with_max_entries(1, 0);

/// Takes a place for a call of the task; `None` where there is none left.
#[inline(always)]
pub fn take_off<F: Flight>(task: &Task) -> Option<&'static mut F> {
    const { assert!(size_of::<F>() <= FLIGHT_MAX) };
    if let Some(before) = find::<F>(task) {
        before.abandon();
    }
    let zeroes = ZEROES.get_ptr(0)?;
    let map = ptr::from_ref(F::places()).cast_mut().cast();
    let key = (&raw const task.number).cast();
    // SAFETY: key and value are as long as the map's, as asserted above.
    unsafe { helper::bpf_map_update_elem(map, key, zeroes.cast(), 0) };
    let flight = find::<F>(task)?;
    // SAFETY: the first field is a `u64` for the owner.
    unsafe { ptr::write_volatile(ptr::from_mut(flight).cast::<u64>(), task.number) };
    Some(flight)
}

/// The task's call in flight.
#[inline(always)]
pub fn find<F: Flight>(task: &Task) -> Option<&'static mut F> {
    let flight = F::places().get_ptr_mut(task.number)?;
    // SAFETY: not null, and ours alone, as its key says; what stands there is a value.
    unsafe { flight.as_mut() }
}

/// Gives the call's place back.
#[inline(always)]
pub fn land<F: Flight>(flight: &mut F) {
    let owner = ptr::from_mut(flight).cast::<u64>();
    // SAFETY: the first field is a `u64` for the owner.
    let number = unsafe { ptr::read_volatile(owner) };
    // A place that is not there any more is given back already.
    let _ = F::places().remove(number);
}
