//! The story of an ioctl to the control node that is no message to a target.

use aya_ebpf::macros::map;
use dmmsg_common::{
    dm::{Cmd, DevT, IOCTL_TYPE, NAME_LEN, TARGET_MSG_NR, UUID_LEN, ioctl_header},
    record::{Call, IoctlHead, KIND_IOCTL, ioctl_flag},
};

use super::{
    inflight::NAMES,
    subject::{self, Which},
};
use crate::kernel::opaque::opaque;
use crate::{
    filter,
    kernel::{
        counters::{Count, count, lose},
        flights::{self, Flight},
        output::{self, send},
        task::{self, Arguments, Return, Task},
        user_memory::{copy_user_str, read_user},
    },
};

/// An ioctl's record as it goes to the ring.
#[repr(C)]
pub struct Record {
    head: IoctlHead,
    texts: [u8; NAMES],
}

// SAFETY: `head` starts with the header.
unsafe impl output::Record for Record {
    #[inline(always)]
    fn call(&mut self) -> &mut Call {
        &mut self.head.call
    }
}

/// An ioctl in flight. All zero is a valid value.
#[repr(C)]
pub struct Ioctl {
    owner: u64,
    record: Record,
    /// Address of the header in the sender's memory.
    user: u64,
    /// A message came of it, which has a record of its own.
    is_message: u32,
}

/// Ioctls in flight.
#[map]
static IOCTLS: flights::Table<Ioctl> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for Ioctl {
    const PLACES: u32 = 512;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &IOCTLS
    }

    #[inline(always)]
    fn abandon(&mut self) {
        if !may_be_message(self.record.head.cmd) {
            lose();
        }
    }
}

/// Whether the call is counted as a message, if it comes to that.
#[inline(always)]
const fn may_be_message(cmd: u32) -> bool {
    Cmd(cmd).number() == TARGET_MSG_NR
}

/// Entry of `ctl_ioctl(file, command, user)`.
#[inline(always)]
pub fn begins(hook: &impl Arguments) {
    let cmd = hook.number(1).unwrap_or(0) as u32;
    if Cmd(cmd).kind() != IOCTL_TYPE {
        return;
    }
    if !may_be_message(cmd) {
        count(Count::Hit);
    }
    let Some(flight) = flights::take_off::<Ioctl>(&Task::current()) else {
        if !may_be_message(cmd) {
            lose();
        }
        return;
    };
    flight.user = hook.number(2).unwrap_or(0);
    flight.is_message = 0;
    begin(&mut flight.record, cmd, flight.user);
    flight.record.head.call.boot_ns = task::boot_ns();
}

/// Clears the head and writes what is known of the sender and of what it asks for.
#[inline(always)]
fn begin(record: &mut Record, cmd: u32, user: u64) {
    let head = &mut record.head;
    head.header = subject::header::<IoctlHead>(KIND_IOCTL);
    subject::begin(&mut head.call, task::structure());
    head.cmd = cmd;
    // Of zeroes that it knows, the compiler would make a call of `memset`.
    let zero = opaque(0_u32);
    head.flags = zero;
    head.flags_out = zero;
    head.name_bytes = zero as u16;
    head.uuid_bytes = zero as u16;
    head.target_count = read_user(user + ioctl_header::TARGET_COUNT).unwrap_or(0);
    let flags = read_user(user + ioctl_header::FLAGS);
    head.flags_in = flags.unwrap_or(0);
    if flags.is_none() {
        head.flags = ioctl_flag::HEADER_UNREADABLE;
    }
    read_device(record, user);
}

/// Reads device and names from the header in the sender's memory.
#[inline(always)]
fn read_device(record: &mut Record, user: u64) {
    let Record { head, texts } = record;
    let dev = DevT::from_huge(read_user(user + ioctl_header::DEV).unwrap_or(0)).0;
    if dev != 0 {
        head.call.dev = dev;
    }
    let names = subject::copy_names(texts, 0, |texts, at, which| {
        let (offset, room) = match which {
            Which::Name => (ioctl_header::NAME, NAME_LEN),
            Which::Uuid => (ioctl_header::UUID, UUID_LEN),
        };
        copy_user_str(texts, at, room as u32, user + offset).saturating_sub(1) as usize
    });
    head.name_bytes = names.name;
    head.uuid_bytes = names.uuid;
    head.header.size = (size_of::<IoctlHead>() + names.end) as u32;
}

/// The task's ioctl has come to `target_message`.
#[inline(always)]
pub fn is_message(task: &Task) {
    if let Some(flight) = flights::find::<Ioctl>(task) {
        flight.is_message = 1;
    }
}

/// The device of the task's ioctl was found.
#[inline(always)]
pub fn device_found(task: &Task, dev: u32) {
    if let Some(flight) = flights::find::<Ioctl>(task) {
        flight.record.head.call.dev = dev;
    }
}

/// Return of `ctl_ioctl`: the record is complete.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<Ioctl>(&Task::current()) else { return };
    if flight.is_message != 0 {
        return flights::land(flight);
    }
    if may_be_message(flight.record.head.cmd) {
        // A message that never came to its target: it ends here, so it counts from here.
        count(Count::Hit);
    }
    subject::end(&mut flight.record.head.call, now, hook.value(3));
    if flight.record.head.call.ret == 0 {
        // What the kernel answers, canonical names among it.
        flight.record.head.flags_out = read_user(flight.user + ioctl_header::FLAGS).unwrap_or(0);
    }
    if admits(flight) {
        send(&mut flight.record);
    } else {
        count(Count::Filtered);
    }
    flights::land(flight);
}

#[inline(always)]
fn admits(flight: &mut Ioctl) -> bool {
    // A failed call leaves the header as it was, or wiped.
    if flight.record.head.call.ret == 0 {
        read_device(&mut flight.record, flight.user);
    }
    let Record { head, texts } = &flight.record;
    let call = &head.call;
    subject::admits_names(texts, head.name_bytes, head.uuid_bytes)
        && !filter::wants_type()
        && filter::admits_sender(call)
        && filter::admits_dev(call)
        && filter::admits_outcome(call)
}
