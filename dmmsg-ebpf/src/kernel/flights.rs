//! Where messages in flight are kept: a slot of a table if it is free, else the task's own storage.
//!
//! Storage alone would do, but looking it up three times a message costs 280 instructions more on
//! 6.12. A message is found by the address of its `struct dm_ioctl`, which belongs to it alone from
//! its first hook to its last.

use core::{
    intrinsics::{AtomicOrdering, atomic_cxchg},
    ptr,
};

use aya_ebpf::{helpers::generated as helper, macros::map, maps::Array};

use crate::inflight::InFlight;

/// Slots; a message whose slot is taken goes to its task's storage.
const SLOTS: u32 = 64;

/// The table of slots.
#[map]
static TABLE: Array<InFlight> = Array::with_max_entries(SLOTS, 0);

/// Task storage, which aya-ebpf 0.2 has no type for: a BTF map definition by hand.
///
/// Source: `tools/lib/bpf/bpf_helpers.h`, `__uint` and `__type`.
#[repr(C)]
struct TaskStorage {
    r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE],
    key: *const i32,
    value: *const InFlight,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; BPF_F_NO_PREALLOC],
}

const BPF_MAP_TYPE_TASK_STORAGE: usize = 29;
const BPF_F_NO_PREALLOC: usize = 1;
const BPF_LOCAL_STORAGE_GET_F_CREATE: u64 = 1;

// SAFETY: the definition is never read; only the kernel gives its address a meaning.
unsafe impl Sync for TaskStorage {}

/// What each task has in flight, unless it is in the table.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".maps")]
static IN_FLIGHT: TaskStorage = TaskStorage {
    r#type: ptr::null(),
    key: ptr::null(),
    value: ptr::null(),
    max_entries: ptr::null(),
    map_flags: ptr::null(),
};

/// Takes a place for the message of the header at `param`; `None` where the kernel has no memory.
///
/// With `by_param`, all hooks of the message know `param`, and it may be kept in the table.
#[inline(always)]
pub fn take_off(by_param: bool, param: u64) -> Option<&'static mut InFlight> {
    if by_param
        && let Some(slot) = slot(param)
        && own(slot, param)
    {
        // SAFETY: not null, and ours alone until `land`, for any bytes of it are a value.
        return unsafe { slot.as_mut() };
    }
    let flight = storage(BPF_LOCAL_STORAGE_GET_F_CREATE)?;
    flight.param = param;
    Some(flight)
}

/// Makes a free slot that of the header at `param`.
#[inline(always)]
fn own(slot: *mut InFlight, param: u64) -> bool {
    // SAFETY: `slot` points into the table.
    let owner = unsafe { &raw mut (*slot).param };
    // SAFETY: an aligned `u64` in a map, which others only change atomically.
    let (before, free) = unsafe {
        atomic_cxchg::<u64, { AtomicOrdering::AcqRel }, { AtomicOrdering::Acquire }>(
            owner, 0, param,
        )
    };
    // A slot that the same address owns already was left by a message whose end was missed.
    free || before == param
}

/// The message of the header at `param`, or without `param` the one that the task has in flight.
#[inline(always)]
pub fn find(param: Option<u64>) -> Option<&'static mut InFlight> {
    if let Some(param) = param
        && let Some(slot) = slot(param)
        && is_owner(slot, param)
    {
        // SAFETY: not null, and ours alone, since its header is.
        return unsafe { slot.as_mut() };
    }
    storage(0).filter(|flight| flight.param != 0 && param.is_none_or(|param| flight.param == param))
}

#[inline(always)]
fn is_owner(slot: *mut InFlight, param: u64) -> bool {
    // SAFETY: `slot` points into the table.
    let owner = unsafe { &raw const (*slot).param };
    // SAFETY: as above; others may change it, but never to or from our `param`.
    unsafe { ptr::read_volatile(owner) == param }
}

/// Gives the message's place back.
#[inline(always)]
pub fn land(flight: &mut InFlight) {
    // SAFETY: an aligned `u64` in a map. Volatile and last: from here on the slot is another's.
    unsafe { ptr::write_volatile(&raw mut flight.param, 0) };
}

/// The slot for the header at `param`, whoever owns it.
#[inline(always)]
fn slot(param: u64) -> Option<*mut InFlight> {
    // Fibonacci hashing: the top bits of the product depend on all bits of the address.
    let index = (param.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as u32;
    TABLE.get_ptr_mut(index % SLOTS)
}

#[inline(always)]
fn storage(flags: u64) -> Option<&'static mut InFlight> {
    // SAFETY: takes no argument.
    let task = unsafe { helper::bpf_get_current_task_btf() };
    let map = (&raw const IN_FLIGHT).cast_mut().cast();
    // SAFETY: `map` is the task-storage map above, whose values are `InFlight`.
    let value = unsafe { helper::bpf_task_storage_get(map, task.cast(), ptr::null_mut(), flags) };
    // SAFETY: null, or zeroed or earlier filled memory of an `InFlight`, for which any bytes are a
    // value; only the task itself reaches it, and no probe of ours nests in another.
    unsafe { value.cast::<InFlight>().as_mut() }
}
