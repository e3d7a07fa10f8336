//! Where calls are counted by device, if the user wants that: the first so many have a row each.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_NOEXIST},
    helpers::generated as helper,
    macros::map,
    maps::{Array, HashMap},
};
use dmmsg_common::count::KINDS_MAX;

use super::atomic::fetch_add;
use super::opaque::opaque;

/// Calls by series.
type Row = [u64; KINDS_MAX];

/// The rows of devices, by their numbers; the loader sets how many.
#[map]
static DEVICES: HashMap<u32, Row> = HashMap::with_max_entries(1, 0);

/// The row of all devices that have none, and that of calls on no device.
#[map]
static OTHER_DEVICES: Array<Row> = Array::with_max_entries(2, BPF_F_MMAPABLE);

/// What a new row is filled with.
#[map]
static ZERO_ROW: Array<Row> = Array::with_max_entries(1, 0);

/// Counts a call of a series on a device.
#[inline(always)]
pub fn add(dev: u32, series: u32) {
    let Some(row) = row(dev) else { return };
    // A mask that the compiler cannot drop, for the verifier needs it.
    let at = opaque(series as usize) & (KINDS_MAX - 1);
    // SAFETY: `row` points to a `Row` that lives as long as the map, and `at` is below its length.
    fetch_add(unsafe { row.cast::<u64>().add(at) }, 1);
}

#[inline(always)]
fn row(dev: u32) -> Option<*mut Row> {
    if dev == 0 {
        return OTHER_DEVICES.get_ptr_mut(1);
    }
    if let Some(row) = DEVICES.get_ptr_mut(dev) {
        return Some(row);
    }
    let zeroes = ZERO_ROW.get_ptr(0)?;
    let map = (&raw const DEVICES).cast_mut().cast();
    let key = ptr::from_ref(&dev).cast();
    // SAFETY: key and value are as long as the map's. It fails where there is no room, or another CPU
    // was first.
    unsafe { helper::bpf_map_update_elem(map, key, zeroes.cast(), u64::from(BPF_NOEXIST)) };
    DEVICES.get_ptr_mut(dev).or_else(|| OTHER_DEVICES.get_ptr_mut(0))
}
