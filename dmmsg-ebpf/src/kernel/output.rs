//! The way out: the ring, the counters, and waking the reader.

use core::{
    hint::black_box,
    intrinsics::{AtomicOrdering, atomic_xadd},
    mem::size_of,
    ptr,
};

use aya_ebpf::{
    bindings::{
        BPF_F_MMAPABLE, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE,
    },
    helpers::generated as helper,
    macros::map,
    maps::{Array, PerCpuArray, RingBuf},
};
use dmmsg_common::{
    record::{Call, RecordHeader},
    stats::Counters,
    wake::Reader,
};

/// Records on their way to user space; the loader sets the size.
#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

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

/// What the reader is doing: a [`Reader`], written by both sides.
#[map]
static READER: Array<u32> = Array::with_max_entries(1, BPF_F_MMAPABLE);

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
    fetch_add_one(counter);
}

/// Counts a call as lost, for this CPU and for the records to come.
#[inline(always)]
pub fn lose() {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: `counters` points to a `Counters` that lives as long as the map.
        fetch_add_one(unsafe { &raw mut (*counters).lost });
    }
    if let Some(totals) = TOTALS.get_ptr_mut(0) {
        // SAFETY: `totals` points to a `Totals` that lives as long as the map.
        fetch_add_one(unsafe { &raw mut (*totals).lost });
    }
}

/// A record as it goes to the ring.
///
/// # Safety
/// `repr(C)`, and its first field is its [`RecordHeader`].
pub unsafe trait Record: Sized {
    /// What every record tells.
    fn call(&mut self) -> &mut Call;
}

/// Numbers the record and sends it; counts it as delivered or lost.
#[inline(always)]
pub fn send<R: Record>(record: &mut R) {
    let Some(totals) = TOTALS.get_ptr_mut(0) else { return };
    // SAFETY: `totals` points to a `Totals` that lives as long as the map.
    let numbered = unsafe { &raw mut (*totals).numbered };
    // SAFETY: as above.
    let lost = unsafe { &raw const (*totals).lost };
    record.call().seq = fetch_add_one(numbered);
    // SAFETY: as above; an aligned `u64` is read at once.
    record.call().lost = unsafe { ptr::read_volatile(lost) };

    let Some(bell) = Bell::find() else { return };
    let sent = if bell.is(Reader::Asleep) {
        bell.ring(|| write(record, BPF_RB_FORCE_WAKEUP))
    } else {
        write(record, BPF_RB_NO_WAKEUP)
    };
    if !sent {
        return lose();
    }
    count(Count::Delivered);
    // The record can be seen now. A reader that fell asleep before that is seen here, and one that
    // falls asleep later looks at the ring once more.
    if bell.is(Reader::Asleep) || (bell.is(Reader::Napping) && is_half_full()) {
        bell.ring(write_nothing);
    }
}

/// Adds one to a number in a map, atomically; returns what it was.
///
/// An intrinsic, since `core` withholds `fetch_add` from targets without compare-and-swap. With a
/// weaker ordering, LLVM 22 makes of it an instruction that returns nothing.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
pub(super) fn fetch_add_one(number: *mut u64) -> u64 {
    // SAFETY: every caller passes an aligned `u64` in a map, which lives as long as the program.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::AcqRel }>(number, 1) }
}

/// Adds one to a number in a map, atomically; returns what it was, unless another CPU adds to it at
/// the same moment.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
pub(super) fn fetch_add_one(number: *mut u64) -> u64 {
    // SAFETY: as every caller passes an aligned `u64` in a map.
    let before = unsafe { ptr::read_volatile(number) };
    // SAFETY: as above. Without a result, since old kernels have no such operation that returns one.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(number, 1) };
    before
}

#[inline(always)]
fn write<R: Record>(record: &mut R, flags: u32) -> bool {
    let header = ptr::from_mut(record).cast::<RecordHeader>();
    // SAFETY: the record's first field.
    let size = unsafe { (*header).size };
    // The compiler knows the bound of `size` and would drop the check that the verifier needs.
    let size = black_box(u64::from(size));
    if size > size_of::<R>() as u64 {
        return false;
    }
    let ring = (&raw const RECORDS).cast_mut().cast();
    let data = ptr::from_mut(record).cast();
    // SAFETY: `size` bytes of the record are readable, as checked above.
    unsafe { helper::bpf_ringbuf_output(ring, data, size, u64::from(flags)) == 0 }
}

/// Wakes the reader by an entry that is discarded, which the reader never sees.
#[inline(always)]
fn write_nothing() -> bool {
    let Some(entry) = RECORDS.reserve::<u64>(0) else { return false };
    entry.discard(u64::from(BPF_RB_FORCE_WAKEUP));
    true
}

/// Whether the ring is so full that only what must not be lost should go there.
#[inline(always)]
pub fn is_half_full() -> bool {
    let waiting_bytes = RECORDS.query(u64::from(BPF_RB_AVAIL_DATA));
    waiting_bytes >= RECORDS.query(u64::from(BPF_RB_RING_SIZE)) / 2
}

/// The reader's state, by which it is woken once and not again.
struct Bell(*mut u32);

impl Bell {
    #[inline(always)]
    fn find() -> Option<Self> {
        READER.get_ptr_mut(0).map(Self)
    }

    #[inline(always)]
    fn is(&self, state: Reader) -> bool {
        // SAFETY: an aligned `u32` that lives as long as the map.
        unsafe { ptr::read_volatile(self.0) == state as u32 }
    }

    #[inline(always)]
    fn set(&self, state: Reader) {
        // SAFETY: an aligned `u32` that lives as long as the map.
        unsafe { ptr::write_volatile(self.0, state as u32) };
    }

    /// Marks the reader as awake and wakes it.
    ///
    /// In this order, since a reader that wakes up announces anew what it does. Where it was not
    /// woken it counts as asleep: at worst it is woken in vain.
    #[inline(always)]
    fn ring(&self, wake: impl FnOnce() -> bool) -> bool {
        self.set(Reader::Awake);
        let woken = wake();
        if !woken {
            self.set(Reader::Asleep);
        }
        woken
    }
}
