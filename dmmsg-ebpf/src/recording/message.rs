//! The story of a message: what each hook adds to its record.

use dmmsg_common::{
    dm::{DevT, NAME_LEN, UUID_LEN, ioctl_header},
    record::{KIND_MESSAGE, MessageHead, NO_HANDLER, NO_INDEX, flag},
};

use super::{
    inflight::{InFlight, Record},
    ioctl,
    subject::{self, Which},
    text,
};
use crate::kernel::opaque::opaque;
use crate::{
    filter,
    kernel::{
        counters::{Count, count, lose},
        flights,
        memory::{Access, layout, put_words},
        output::send,
        task::{self, Arguments, Return, Task},
        user_memory::read_user,
    },
    table,
};

/// First word of every header: the major version, which the kernel insists on.
///
/// Source: `include/uapi/linux/dm-ioctl.h`, `DM_VERSION_MAJOR`.
const VERSION_MAJOR: u32 = 4;

/// Words of a name and of a uuid without the NUL that may stand behind them.
const NAME_WORDS: usize = NAME_LEN / 8;
const UUID_WORDS: usize = UUID_LEN / 8;

/// Entry of `target_message(file, param, param_size)`: the message begins.
#[inline(always)]
pub fn begins<A: Access>(hook: &impl Arguments) {
    count(Count::Hit);
    let task = Task::current();
    if filter::wants_ioctls() {
        ioctl::is_message(&task);
    }
    let Some(flight) = flights::take_off::<InFlight>(&task) else {
        return lose();
    };
    let structure = task::structure();
    begin(&mut flight.record.head, structure);
    if !filter::admits_sender(&flight.record.head.call) {
        return filter_out(flight);
    }
    if asked_for_secrecy(structure) {
        flight.record.head.flags |= flag::SECURE;
    }
    // At entry, since the function overwrites `data_start` with its first statements.
    // Source: `drivers/md/dm-ioctl.c`, `get_result_buffer`, 5.10 to 7.3.
    let param = hook.argument(1).unwrap_or(0);
    let number = hook.number(1).unwrap_or(0);
    if !A::SEES_ARGUMENTS_AT_RETURN {
        flight.param = number;
    }
    let data_start = A::field(param, ioctl_header::DATA_START).unwrap_or(0);
    text::locate::<A>(flight, number, data_start, hook.argument(2).unwrap_or(0));
    flight.record.head.call.boot_ns = task::boot_ns();
}

/// Drops a message that a filter turned away.
#[inline(always)]
fn filter_out(flight: &mut InFlight) {
    text::forget(flight);
    land(flight);
    count(Count::Filtered);
}

/// Gives the message's place back.
#[inline(always)]
fn land(flight: &mut InFlight) {
    // Who looks at the place before the next message has a start of its own must not take this one's.
    flight.record.head.call.boot_ns = 0;
    flights::land(flight);
}

/// Clears the head and writes what is known of the sender.
#[inline(always)]
fn begin(head: &mut MessageHead, task: u64) {
    // Without device and text, should the lookup not be seen.
    head.header = subject::header::<MessageHead>(KIND_MESSAGE);
    subject::begin(&mut head.call, task);
    head.handler_ns = NO_HANDLER;
    head.sector = 0;
    put_words(&mut head.target_type, &[0; 2]);
    head.target_index = NO_INDEX;
    // Of zeroes that it knows, the compiler would make a call of `memset`.
    let zero = opaque(0_u32);
    head.text_len = zero;
    head.flags = flag::NO_LOOKUP;
    head.text_bytes = zero as u16;
    head.verb_bytes = zero as u16;
    head.name_bytes = zero as u16;
    head.uuid_bytes = zero as u16;
    head.reserved = zero;
}

/// Whether the sender asked for secrecy by `DM_SECURE_DATA_FLAG`.
///
/// The kernel has cleared the flag from its copy by now, but it has also wiped the sender's header,
/// which held the version before. A header that cannot be read counts as wiped.
/// Source: `drivers/md/dm-ioctl.c`, `copy_params` and `validate_params`, 5.10 to 7.3.
#[inline(always)]
fn asked_for_secrecy(task: u64) -> bool {
    read_user::<u32>(task::syscall_argument(task)) != Some(VERSION_MAJOR)
}

/// Return of `__find_device_hash_cell(param)`: device, target and text become known.
///
/// It also runs for every other ioctl on a device, when no message is in flight. The kernel splits
/// the text in place right after.
#[inline(always)]
pub fn device_found<A: Access>(hook: &impl Return) {
    let task = Task::current();
    let cell = hook.value(1);
    let Some(flight) = flights::find::<InFlight>(&task) else {
        if filter::wants_ioctls() && cell != 0 {
            ioctl::device_found(
                &task,
                table::dev::<A>(A::field(cell, layout!(hash_cell_md)).unwrap_or(0)),
            );
        }
        return;
    };
    if flight.record.head.flags & flag::NO_LOOKUP == 0 {
        return;
    }
    flight.record.head.flags &= !flag::NO_LOOKUP;
    let param = hook.argument(0).unwrap_or(flight.param);
    if cell != 0 {
        let md = A::field(cell, layout!(hash_cell_md)).unwrap_or(0);
        flight.record.head.call.dev = table::dev::<A>(md);
        if subject::is_suspended(A::field(md, layout!(md_flags)).unwrap_or(0)) {
            flight.record.head.flags |= flag::SUSPENDED;
        }
        table::find_target::<A>(
            &mut flight.record.head,
            A::field(md, layout!(md_map)).unwrap_or(0),
        );
    } else {
        flight.record.head.flags |= flag::NO_DEVICE;
        let dev = A::field(param, ioctl_header::DEV).unwrap_or(0);
        flight.record.head.call.dev = DevT::from_huge(dev).0;
    }
    let head = &flight.record.head;
    let strict = head.flags & flag::SECURE != 0 || table::is_crypt(head);
    let passes = filter::admits_dev(&head.call)
        && filter::admits_type(&head.target_type)
        && text::capture(flight, strict)
        && copy_names::<A>(&mut flight.record, param);
    if !passes {
        filter_out(flight);
    }
}

/// Copies name and uuid, and completes the record's size. Returns whether one passes the filter.
///
/// The lookup has written both into the ioctl's header, or has left what the sender asked for.
/// Source: `drivers/md/dm-ioctl.c`, `__find_device_hash_cell`, 5.10 to 7.3.
#[inline(always)]
fn copy_names<A: Access>(record: &mut Record, param: u64) -> bool {
    let Record { head, texts } = record;
    let names = subject::copy_names(texts, text::end(head), |texts, at, which| match which {
        Which::Name => A::text::<NAME_WORDS, _>(texts, at, param, ioctl_header::NAME),
        Which::Uuid => A::text::<UUID_WORDS, _>(texts, at, param, ioctl_header::UUID),
    });
    head.name_bytes = names.name;
    head.uuid_bytes = names.uuid;
    head.header.size = (size_of::<MessageHead>() + names.end) as u32;
    names.passes
}

/// Entry of a target's message method.
#[inline(always)]
pub fn handler_begins() {
    if let Some(flight) = flights::find::<InFlight>(&Task::current()) {
        flight.handler_boot_ns = task::boot_ns();
    }
}

/// Return of a target's message method.
#[inline(always)]
pub fn handler_ends() {
    let now = task::boot_ns();
    if let Some(flight) = flights::find::<InFlight>(&Task::current()) {
        let began = flight.handler_boot_ns;
        // A method that was entered before the message's first hook was there belongs to none.
        if began >= flight.record.head.call.boot_ns {
            flight.record.head.handler_ns = now.saturating_sub(began);
        }
    }
}

/// Return of `target_message`: the record is complete.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<InFlight>(&Task::current()) else { return };
    if flight.record.head.flags & flag::NO_LOOKUP != 0 && filter::wants_lookup() {
        // Nobody knows whether the user wanted it.
        text::forget(flight);
        land(flight);
        return lose();
    }
    subject::end(&mut flight.record.head.call, now, hook.value(3));
    if !filter::admits_outcome(&flight.record.head.call) {
        return filter_out(flight);
    }
    send(&mut flight.record);
    land(flight);
}
