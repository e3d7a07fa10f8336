//! The story of a direct ioctl that is counted: one of device-mapper's type that is sent to a device.
//!
//! Nothing of what its sender says can make more series than there are, so that senders need no
//! budget here.

use aya_ebpf::macros::map;
use dmmsg_common::{
    count::{Begun, TYPE_NONE, VERB_DIRECT, VERB_DIRECT_OTHER, VERB_PROBE_PATHS},
    dm::{Cmd, IOCTL_TYPE, PROBE_PATHS_NR},
};

use super::catalogue::{self, count};
use crate::kernel::opaque::opaque;
use crate::{
    kernel::{
        devices,
        flights::{self, Flight},
        memory::{Access, layout},
        task::{self, Arguments, Return, Task},
        totals::Total,
        user_memory::read_user,
    },
    table::{LAYERS, Target},
};

/// A call of `dm_blk_ioctl` that has not returned.
#[repr(C)]
struct Layer {
    boot_ns: u64,
    /// Kernel address of the `struct block_device`.
    bdev: u64,
    /// Address of the ioctl's argument in the sender's memory.
    user: u64,
    cmd: u32,
    target_type: u32,
    /// Number of the device; only if calls are counted by device.
    dev: u32,
    reserved: u32,
}

/// A direct ioctl in flight, on all the devices that have passed it on. All zero is a valid value.
#[repr(C)]
pub struct Counted {
    begun: Begun,
    /// Calls that have not returned, each made by the one before.
    depth: u32,
    reserved: u32,
    layers: [Layer; LAYERS],
}

/// Direct ioctls in flight.
#[map]
static DIRECTS: flights::Table<Counted> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for Counted {
    const PLACES: u32 = 256;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &DIRECTS
    }

    #[inline(always)]
    fn abandon(&mut self) {
        // The next call has no start yet.
        self.begun.boot_ns = 0;
        for _ in 0..(self.depth as usize).min(LAYERS) {
            count(Total::Lost);
        }
    }
}

/// Entry of `dm_blk_ioctl(bdev, mode, cmd, arg)`.
#[inline(always)]
pub fn begins<A: Access>(hook: &impl Arguments) {
    let cmd = hook.number(2).unwrap_or(0) as u32;
    if Cmd(cmd).kind() != IOCTL_TYPE {
        return;
    }
    // Read here, since the verifier wants the context itself, and no pointer into it that was kept.
    let (bdev, user) = (hook.number(0).unwrap_or(0), hook.number(3).unwrap_or(0));
    let typed_bdev = hook.argument(0).unwrap_or(0);
    count(Total::Direct);
    let task = Task::by_id();
    let Some(flight) = board(&task) else { return count(Total::Lost) };
    drop_stale(flight, bdev, cmd, user);
    let depth = flight.depth as usize;
    flight.depth += 1;
    if depth >= LAYERS {
        return count(Total::Lost);
    }
    let dev = if catalogue::counts_by_device() {
        A::field(typed_bdev, layout!(bdev_dev)).unwrap_or(0)
    } else {
        0
    };
    let target_type = find_type::<A>(typed_bdev, cmd, user);
    let now = task::boot_ns();
    flight.begun.boot_ns = now;
    let layer = layer(&mut flight.layers, depth);
    layer.boot_ns = now;
    layer.bdev = bdev;
    layer.user = user;
    layer.cmd = cmd;
    layer.target_type = target_type;
    layer.dev = dev;
}

/// The task's flight, or a new one.
#[inline(always)]
fn board(task: &Task) -> Option<&'static mut Counted> {
    if let Some(flight) = flights::find::<Counted>(task) {
        return Some(flight);
    }
    let flight = flights::take_off::<Counted>(task)?;
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
fn drop_stale(flight: &mut Counted, bdev: u64, cmd: u32, user: u64) {
    let depth = flight.depth as usize;
    if depth == 0 || depth > LAYERS {
        return;
    }
    let above = layer(&mut flight.layers, depth - 1);
    if above.user == user && above.cmd == cmd && above.bdev != bdev {
        return;
    }
    flight.abandon();
    flight.depth = 0;
}

/// The number of the type of the target that the sender addressed by its index; of an ioctl other
/// than `DM_MESSAGE`, the first one's.
#[inline(always)]
fn find_type<A: Access>(bdev: u64, cmd: u32, user: u64) -> u32 {
    let disk = A::field(bdev, layout!(bdev_disk)).unwrap_or(0);
    let md = A::structure(A::field(disk, layout!(disk_private)).unwrap_or(0));
    let table = A::word(&md, layout!(md_map)).unwrap_or(0);
    let index = if Cmd(cmd) == Cmd::DM_MESSAGE { read_index(user) } else { Some(0) };
    let Some(index) = index.filter(|_| table != 0) else { return TYPE_NONE };
    let Some(target) = Target::at_index::<A>(table, index) else { return TYPE_NONE };
    catalogue::type_number(&target.type_name::<A>())
}

/// The index in the head of a `DM_MESSAGE`, if all of the head can be read.
#[inline(always)]
fn read_index(user: u64) -> Option<u32> {
    let [index, _tag] = read_user::<[u32; 2]>(user)?;
    read_user::<u32>(user + 8).map(|_len| index)
}

/// Return of `dm_blk_ioctl`: the innermost call counts.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<Counted>(&Task::by_id()) else { return };
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
    let series = catalogue::series(layer.target_type, verb(layer.cmd));
    let latency_ns = now.saturating_sub(layer.boot_ns);
    if catalogue::counts_by_device() {
        devices::add(layer.dev, series);
    }
    catalogue::count_return(series, latency_ns, hook.value(4));
    flight.depth = above as u32;
    if above == 0 {
        flight.begun.boot_ns = 0;
        flights::land(flight);
    }
}

#[inline(always)]
const fn verb(cmd: u32) -> u32 {
    if cmd == Cmd::DM_MESSAGE.0 {
        VERB_DIRECT
    } else if Cmd(cmd).number() == PROBE_PATHS_NR {
        VERB_PROBE_PATHS
    } else {
        VERB_DIRECT_OTHER
    }
}
