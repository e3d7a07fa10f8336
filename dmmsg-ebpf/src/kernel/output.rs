//! The way out: the ring, and waking the reader.

use core::{mem::size_of, ptr};

use aya_ebpf::{
    bindings::{
        BPF_F_MMAPABLE, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE,
    },
    helpers::generated as helper,
    macros::map,
    maps::{Array, RingBuf},
};
use dmmsg_common::{
    record::{Call, RecordHeader},
    wake::Reader,
};

use super::counters::{Count, count, lose, next_number};
use super::opaque::opaque;

/// Records on their way to user space; the loader sets the size.
#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

/// What the reader is doing: a [`Reader`], written by both sides.
#[map]
static READER: Array<u32> = Array::with_max_entries(1, BPF_F_MMAPABLE);

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
    let Some((seq, lost)) = next_number() else { return };
    record.call().seq = seq;
    record.call().lost = lost;

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

#[inline(always)]
fn write<R: Record>(record: &mut R, flags: u32) -> bool {
    let header = ptr::from_mut(record).cast::<RecordHeader>();
    // SAFETY: the record's first field.
    let size = unsafe { (*header).size };
    // The compiler knows the bound of `size` and would drop the check that the verifier needs.
    let size = opaque(u64::from(size));
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
