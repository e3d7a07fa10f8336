//! The story of a direct ioctl: one of device-mapper's type that is sent to a device.
//!
//! Anybody who may open the device can send one, so that nothing of it is believed, and what one
//! user may add to the stream has a bound.

use aya_ebpf::macros::map;
use dmmsg_common::{
    dm::{Cmd, DIRECT_HEAD_LEN, IOCTL_TYPE, NAME_LEN, PAYLOAD_MAX, UUID_LEN},
    record::{Call, DirectHead, KIND_DIRECT, direct_flag},
    secret::{Scan, may_name_key},
};

use super::{
    budget,
    inflight::NAMES,
    payload,
    subject::{self, Which},
};
use crate::kernel::opaque::opaque;
use crate::{
    filter,
    kernel::{
        counters::{Count, count, lose},
        flights::{self, Flight},
        memory::{Access, copy_str, layout, put_words},
        output::{self, is_half_full, send},
        task::{self, Arguments, Return, Task},
        user_memory::{copy_user_bytes, read_user},
    },
    table::{self, LAYERS},
};

/// A direct ioctl's record as it goes to the ring.
#[repr(C)]
pub struct Record {
    head: DirectHead,
    texts: [u8; NAMES],
}

// SAFETY: `head` starts with the header.
unsafe impl output::Record for Record {
    #[inline(always)]
    fn call(&mut self) -> &mut Call {
        &mut self.head.call
    }
}

/// A call of `dm_blk_ioctl` that has not returned.
#[repr(C)]
struct Layer {
    /// Kernel address of the `struct block_device`.
    bdev: u64,
    /// Address of the ioctl's argument in the sender's memory.
    user: u64,
    record: Record,
}

/// A direct ioctl in flight, on all the devices that have passed it on. All zero is a valid value.
#[repr(C)]
pub struct Direct {
    owner: u64,
    /// Calls that have not returned, each made by the one before.
    depth: u32,
    layers: [Layer; LAYERS],
    scan: Scan,
}

/// Direct ioctls in flight.
#[map]
static DIRECTS: flights::Table<Direct> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for Direct {
    const PLACES: u32 = 64;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &DIRECTS
    }

    #[inline(always)]
    fn abandon(&mut self) {
        for _ in 0..(self.depth as usize).min(LAYERS) {
            lose();
        }
    }
}

/// Entry of `dm_blk_ioctl(bdev, mode, cmd, arg)`.
///
/// Source: `drivers/md/dm.c`, `dm_blk_ioctl`, the same four arguments in 5.10 to 7.3.
#[inline(always)]
pub fn begins<A: Access>(hook: &impl Arguments) {
    let cmd = hook.number(2).unwrap_or(0) as u32;
    if Cmd(cmd).kind() != IOCTL_TYPE {
        return;
    }
    // Read here, since the verifier wants the context itself, and no pointer into it that was kept.
    let (bdev, user) = (hook.number(0).unwrap_or(0), hook.number(3).unwrap_or(0));
    let typed_bdev = hook.argument(0).unwrap_or(0);
    count(Count::Hit);
    let task = Task::current();
    let Some(flight) = board(&task) else { return };
    drop_stale(flight, bdev, cmd, user);
    let depth = flight.depth as usize;
    flight.depth += 1;
    if depth >= LAYERS {
        return lose();
    }
    let Direct { layers, scan, .. } = flight;
    let layer = layer(layers, depth);
    layer.bdev = bdev;
    layer.user = user;
    let record = &mut layer.record;
    begin(&mut record.head, cmd, depth as u32);
    if Cmd(cmd) == Cmd::DM_MESSAGE {
        read_message(&mut record.head, scan, user);
    }
    find_device::<A>(record, typed_bdev);
    record.head.call.boot_ns = task::boot_ns();
}

/// The task's flight, or a new one if its sender may have one; else the call is accounted for.
#[inline(always)]
fn board(task: &Task) -> Option<&'static mut Direct> {
    if let Some(flight) = flights::find::<Direct>(task) {
        return Some(flight);
    }
    if !budget::allows(task::uid()) {
        count(Count::OverBudget);
        count(Count::Filtered);
        return None;
    }
    let Some(flight) = flights::take_off::<Direct>(task) else {
        lose();
        return None;
    };
    flight.depth = 0;
    Some(flight)
}

/// The layer of this depth, by a mask that the compiler cannot drop, for the verifier needs it.
#[inline(always)]
fn layer(layers: &mut [Layer; LAYERS], depth: usize) -> &mut Layer {
    &mut layers[opaque(depth) & (LAYERS - 1)]
}

/// Forgets calls whose return was not seen: a device passes on the very ioctl that it got.
#[inline(always)]
fn drop_stale(flight: &mut Direct, bdev: u64, cmd: u32, user: u64) {
    let depth = flight.depth as usize;
    if depth == 0 || depth > LAYERS {
        return;
    }
    let above = layer(&mut flight.layers, depth - 1);
    if above.user == user && above.record.head.cmd == cmd && above.bdev != bdev {
        return;
    }
    flight.abandon();
    flight.depth = 0;
}

/// Clears the head and writes what is known of the sender.
#[inline(always)]
fn begin(head: &mut DirectHead, cmd: u32, layer: u32) {
    head.header = subject::header::<DirectHead>(KIND_DIRECT);
    subject::begin(&mut head.call, task::structure());
    head.cmd = cmd;
    head.layer = layer;
    // Of zeroes that it knows, the compiler would make a call of `memset`.
    let zero = opaque(0_u32);
    head.flags = zero;
    head.index = zero as i32;
    head.tag = zero as i32;
    head.len = zero as i32;
    head.payload_bytes = zero as u16;
    head.name_bytes = zero as u16;
    head.uuid_bytes = zero as u16;
    head.reserved = zero as u16;
    put_words(&mut head.target_type, &[0; 2]);
    put_words(&mut head.payload, &[0; PAYLOAD_MAX / 8]);
}

/// Reads index, tag, length and payload from the sender's memory.
#[inline(always)]
fn read_message(head: &mut DirectHead, scan: &mut Scan, user: u64) {
    let Some([index, tag]) = read_user::<[u32; 2]>(user) else {
        head.flags |= direct_flag::HEAD_UNREADABLE;
        return;
    };
    let Some(len) = read_user::<u32>(user + 8) else {
        head.flags |= direct_flag::HEAD_UNREADABLE;
        return;
    };
    head.index = index as i32;
    head.tag = tag as i32;
    head.len = len as i32;
    if len > PAYLOAD_MAX as u32 {
        head.flags |= direct_flag::OVERSIZED;
    }
    let bytes = if head.len < 0 { 0 } else { len.min(PAYLOAD_MAX as u32) };
    if bytes == 0 {
        return;
    }
    if !copy_user_bytes(&mut head.payload, bytes, user + DIRECT_HEAD_LEN) {
        head.flags |= direct_flag::PAYLOAD_UNREADABLE;
        return;
    }
    head.payload_bytes = bytes as u16;
    if may_name_key(head.payload[0]) {
        payload::mask(head, scan);
    }
}

/// Writes what is known of the device, and of the target that the sender addressed.
#[inline(always)]
fn find_device<A: Access>(record: &mut Record, bdev: u64) {
    let Record { head, texts } = record;
    head.call.dev = A::field(bdev, layout!(bdev_dev)).unwrap_or(0);
    let disk = A::field(bdev, layout!(bdev_disk)).unwrap_or(0);
    let md = A::structure(A::field(disk, layout!(disk_private)).unwrap_or(0));
    if subject::is_suspended(A::word(&md, layout!(md_flags)).unwrap_or(0)) {
        head.flags |= direct_flag::SUSPENDED;
    }
    match A::word(&md, layout!(md_map)) {
        Some(0) | None => head.flags |= direct_flag::NO_TABLE,
        Some(table) if head.flags & direct_flag::HEAD_UNREADABLE == 0 => {
            table::find_type::<A>(&mut head.target_type, table, head.index as u32);
        }
        Some(_) => {}
    }
    let cell = A::structure(A::word(&md, layout!(md_interface)).unwrap_or(0));
    let name = A::word(&cell, layout!(hash_cell_name)).unwrap_or(0);
    let uuid = A::word(&cell, layout!(hash_cell_uuid)).unwrap_or(0);
    let names = subject::copy_names(texts, 0, |texts, at, which| {
        let (address, room) = match which {
            Which::Name => (name, NAME_LEN),
            Which::Uuid => (uuid, UUID_LEN),
        };
        copy_str(texts, at, room as u32, address).saturating_sub(1) as usize
    });
    head.name_bytes = names.name;
    head.uuid_bytes = names.uuid;
    head.header.size = (size_of::<DirectHead>() + names.end) as u32;
}

/// Return of `dm_blk_ioctl`: the innermost record is complete.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<Direct>(&Task::current()) else { return };
    let Some(above) = (flight.depth as usize).checked_sub(1) else { return };
    if above >= LAYERS {
        // It was lost when it began.
        flight.depth = above as u32;
        return;
    }
    let layer = layer(&mut flight.layers, above);
    if hook.number(0).is_some_and(|bdev| bdev != layer.bdev) {
        return;
    }
    let record = &mut layer.record;
    subject::end(&mut record.head.call, now, hook.value(4));
    if !admits(record) {
        count(Count::Filtered);
    } else if is_half_full() {
        // The rest of the ring is for those who need privilege.
        lose();
    } else {
        send(record);
    }
    flight.depth = above as u32;
    if above == 0 {
        flights::land(flight);
    }
}

#[inline(always)]
fn admits(record: &Record) -> bool {
    let Record { head, texts } = record;
    filter::admits_sender(&head.call)
        && filter::admits_dev(&head.call)
        && filter::admits_type(&head.target_type)
        && !filter::wants_verb()
        && filter::admits_outcome(&head.call)
        && subject::admits_names(texts, head.name_bytes, head.uuid_bytes)
}
