//! Fills a message's record from the arguments of the hooks it passes.

use dmmsg_common::{
    dm::{DevT, NAME_LEN, UUID_LEN, ioctl_header},
    record::{ABI, KIND_MESSAGE, MessageHead, NO_INDEX, RecordHeader, flag},
};

use crate::{
    filter,
    inflight::{InFlight, Phase},
    kernel::{
        memory::{Access, Typed, copy_str, layout, put_words, read, read_user},
        output::{Count, count, lose, send},
        task::{self, Entry, Return},
    },
    table, text,
};

/// First word of every header: the major version, which the kernel insists on.
///
/// Source: `include/uapi/linux/dm-ioctl.h`, `DM_VERSION_MAJOR`.
const VERSION_MAJOR: u32 = 4;

/// Entry of `target_message(file, param, param_size)`: the message begins.
#[inline(always)]
pub fn message_begins<A: Access>(hook: &impl Entry) {
    count(Count::Hit);
    let Some(flight) = task::state_or_new() else { return lose() };
    flight.phase = Phase::IDLE;
    let task = task::current();
    begin(&mut flight.record.head, task);
    if !filter::admits_sender(&flight.record.head) {
        return count(Count::Filtered);
    }
    if asked_for_secrecy(task) {
        flight.record.head.flags |= flag::SECURE;
    }
    let param = hook.argument(1);
    flight.param = param;
    // At entry, since the function overwrites `data_start` with its first statements.
    // Source: `drivers/md/dm-ioctl.c`, `get_result_buffer`, 5.10 to 7.3.
    match A::field(param, ioctl_header::DATA_START) {
        Some(data_start) => text::locate(flight, param, data_start, hook.argument(2)),
        None => flight.record.head.flags |= flag::UNREADABLE,
    }
    flight.phase = Phase::BEGUN;
    flight.record.head.boot_ns = task::boot_ns();
}

/// Clears the head and writes what is known of the sender.
#[inline(always)]
fn begin(head: &mut MessageHead, task: u64) {
    head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size: 0 };
    head.pid = Typed::field(task, layout!(task_tgid)).unwrap_or(0);
    head.tid = Typed::field(task, layout!(task_pid)).unwrap_or(0);
    let cred = Typed::field(task, layout!(task_cred)).unwrap_or(0);
    head.uid = Typed::field(cred, layout!(cred_uid)).unwrap_or(0);
    let comm = layout!(task_comm);
    put_words(
        &mut head.comm,
        &[
            Typed::field(task, comm).unwrap_or(0),
            Typed::field(task, comm + 8).unwrap_or(0),
        ],
    );
    head.cgroup_id = task::cgroup_id();
    head.sector = 0;
    put_words(&mut head.target_type, &[0; 2]);
    head.target_index = NO_INDEX;
    head.dev = 0;
    head.text_len = 0;
    head.flags = flag::NO_LOOKUP;
    head.text_bytes = 0;
    head.verb_bytes = 0;
    head.name_bytes = 0;
    head.uuid_bytes = 0;
    head.reserved = 0;
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
    let Some(flight) = task::state() else { return };
    if flight.phase != Phase::BEGUN {
        return;
    }
    flight.phase = Phase::LOOKED_UP;
    flight.record.head.flags &= !flag::NO_LOOKUP;
    let cell = hook.value(1);
    let found = cell != 0;
    if found {
        let md = A::field(cell, layout!(hash_cell_md)).unwrap_or(0);
        find_dev::<A>(&mut flight.record.head, md);
        table::find_target(&mut flight.record.head, A::field(md, layout!(md_map)).unwrap_or(0));
    } else {
        flight.record.head.flags |= flag::NO_DEVICE;
        let dev = read::<u32>(flight.param + ioctl_header::DEV);
        flight.record.head.dev = DevT::from_huge(dev.unwrap_or(0)).0;
    }
    let head = &flight.record.head;
    let strict = head.flags & flag::SECURE != 0 || table::is_crypt(head);
    let passes = filter::admits_target(&flight.record.head)
        && text::capture(flight, strict)
        && if found {
            let name = A::field(cell, layout!(hash_cell_name)).unwrap_or(0);
            copy_names(flight, name, A::field(cell, layout!(hash_cell_uuid)).unwrap_or(0))
        } else {
            // What the sender asked for.
            copy_names(
                flight,
                flight.param + ioctl_header::NAME,
                flight.param + ioctl_header::UUID,
            )
        };
    if !passes {
        flight.phase = Phase::IDLE;
        count(Count::Filtered);
    }
}

/// Copies the device's name and uuid. Returns whether one of them passes the filter.
#[inline(always)]
fn copy_names(flight: &mut InFlight, name: u64, uuid: u64) -> bool {
    let texts = &mut flight.record.texts;
    let head = &mut flight.record.head;
    let at = text::end(head);
    let name_bytes = copy_str(texts, at, NAME_LEN as u32, name).saturating_sub(1);
    let mut passes = !filter::wants_device() || filter::is_device(texts, at);
    head.name_bytes = name_bytes as u16;
    if uuid != 0 {
        // The mask repeats the bound of the length for the verifier.
        let at = at + (name_bytes as usize & (NAME_LEN - 1));
        head.uuid_bytes = copy_str(texts, at, UUID_LEN as u32, uuid).saturating_sub(1) as u16;
        passes = passes || (head.uuid_bytes != 0 && filter::is_device(texts, at));
    }
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
    let Some(flight) = task::state() else { return };
    if flight.phase == Phase::IDLE {
        return;
    }
    flight.phase = Phase::IDLE;
    let head = &mut flight.record.head;
    head.latency_ns = now.saturating_sub(head.boot_ns);
    head.ret = hook.value(3) as i32;
    head.cpu = task::cpu();
    if !filter::admits_outcome(head) {
        return count(Count::Filtered);
    }
    let texts = [head.text_bytes, head.verb_bytes, head.name_bytes, head.uuid_bytes];
    let texts = texts.iter().fold(0, |sum, bytes| sum + u32::from(*bytes));
    head.header.size = size_of::<MessageHead>() as u32 + texts;
    send(&mut flight.record);
}
