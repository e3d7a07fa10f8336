//! Fills a message's record from the arguments of the hooks it passes.

use core::hint::black_box;

use dmmsg_common::{
    dm::{DevT, NAME_LEN, UUID_LEN, ioctl_header},
    record::{ABI, KIND_MESSAGE, MessageHead, NO_INDEX, RecordHeader, flag, padded},
};

use crate::{
    filter,
    inflight::{InFlight, Record},
    kernel::{
        flights,
        memory::{Access, Typed, layout, put_words, read_user},
        output::{Count, count, lose, send},
        task::{self, Arguments, Return},
    },
    table, text,
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
pub fn message_begins<A: Access>(hook: &impl Arguments) {
    count(Count::Hit);
    let number = hook.number(1).unwrap_or(0);
    let Some(flight) = flights::take_off(A::SEES_ARGUMENTS_AT_RETURN, number) else {
        return lose();
    };
    let task = task::current();
    begin(&mut flight.record.head, task);
    if !filter::admits_sender(&flight.record.head) {
        return filter_out(flight);
    }
    if asked_for_secrecy(task) {
        flight.record.head.flags |= flag::SECURE;
    }
    // At entry, since the function overwrites `data_start` with its first statements.
    // Source: `drivers/md/dm-ioctl.c`, `get_result_buffer`, 5.10 to 7.3.
    let param = hook.argument(1).unwrap_or(0);
    let data_start = A::field(param, ioctl_header::DATA_START).unwrap_or(0);
    text::locate::<A>(flight, number, data_start, hook.argument(2).unwrap_or(0));
    flight.record.head.boot_ns = task::boot_ns();
}

/// Drops a message that a filter turned away.
#[inline(always)]
fn filter_out(flight: &mut InFlight) {
    flights::land(flight);
    count(Count::Filtered);
}

/// Clears the head and writes what is known of the sender.
#[inline(always)]
fn begin(head: &mut MessageHead, task: u64) {
    head.header = RecordHeader {
        abi: ABI,
        kind: KIND_MESSAGE,
        // Without device and text, should the lookup not be seen.
        size: size_of::<MessageHead>() as u32,
    };
    head.pid = Typed::field(task, layout!(task_tgid)).unwrap_or(0);
    head.tid = Typed::field(task, layout!(task_pid)).unwrap_or(0);
    let cred = Typed::field(task, layout!(task_cred)).unwrap_or(0);
    head.uid = Typed::field(cred, layout!(cred_uid)).unwrap_or(0);
    let comm = layout!(task_comm);
    put_words(
        &mut head.comm,
        &[Typed::field(task, comm).unwrap_or(0), Typed::field(task, comm + 8).unwrap_or(0)],
    );
    head.cgroup_id = task::cgroup_id();
    head.sector = 0;
    put_words(&mut head.target_type, &[0; 2]);
    head.target_index = NO_INDEX;
    // Of zeroes that it knows, the compiler would make a call of `memset`.
    let zero = black_box(0_u32);
    head.dev = zero;
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
    let Some(flight) = flights::find(hook.number(0)) else { return };
    if flight.record.head.flags & flag::NO_LOOKUP == 0 {
        return;
    }
    flight.record.head.flags &= !flag::NO_LOOKUP;
    let param = hook.argument(0).unwrap_or(flight.param);
    let cell = hook.value(1);
    if cell != 0 {
        let md = A::field(cell, layout!(hash_cell_md)).unwrap_or(0);
        find_dev::<A>(&mut flight.record.head, md);
        table::find_target::<A>(
            &mut flight.record.head,
            A::field(md, layout!(md_map)).unwrap_or(0),
        );
    } else {
        flight.record.head.flags |= flag::NO_DEVICE;
        let dev = A::field(param, ioctl_header::DEV).unwrap_or(0);
        flight.record.head.dev = DevT::from_huge(dev).0;
    }
    let head = &flight.record.head;
    let strict = head.flags & flag::SECURE != 0 || table::is_crypt(head);
    let passes = filter::admits_target(head)
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
    let at = text::end(head);
    let name = A::text::<NAME_WORDS, _>(texts, at, param, ioctl_header::NAME);
    let mut passes = !filter::wants_device() || filter::is_device(texts, at, name);
    // The mask repeats the bound of the length for the verifier.
    let at = at + padded(name & (2 * NAME_LEN - 1));
    let uuid = A::text::<UUID_WORDS, _>(texts, at, param, ioctl_header::UUID);
    passes = passes || filter::is_device(texts, at, uuid);
    head.name_bytes = name as u16;
    head.uuid_bytes = uuid as u16;
    head.header.size = (size_of::<MessageHead>() + at + uuid) as u32;
    passes
}

#[inline(always)]
fn find_dev<A: Access>(head: &mut MessageHead, md: u64) {
    let disk = A::field(md, layout!(md_disk)).unwrap_or(0);
    let major = A::field(disk, layout!(disk_major)).unwrap_or(0);
    let minor = A::field(disk, layout!(disk_first_minor)).unwrap_or(0);
    head.dev = DevT::new(major, minor).0;
}

/// Return of `target_message`: the record is complete.
#[inline(always)]
pub fn message_ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find(hook.number(1)) else { return };
    if flight.record.head.flags & flag::NO_LOOKUP != 0 && filter::wants_lookup() {
        // Nobody knows whether the user wanted it.
        flights::land(flight);
        return lose();
    }
    let head = &mut flight.record.head;
    head.latency_ns = now.saturating_sub(head.boot_ns);
    head.ret = hook.value(3) as i32;
    head.cpu = task::cpu();
    if !filter::admits_outcome(head) {
        return filter_out(flight);
    }
    send(&mut flight.record);
    flights::land(flight);
}
