//! Fills a message's record from the arguments of the hooks it passes.

use dmmsg_common::{
    dm::{DevT, MESSAGE_OFFSET, NAME_LEN, SECURE_DATA_FLAG, UUID_LEN, ioctl_header},
    dm::{IOCTL_TYPE, TARGET_MSG_NR},
    record::{ABI, KIND_MESSAGE, MessageHead, NO_INDEX, RecordHeader, flag},
};

use crate::{
    filter,
    inflight::{InFlight, Phase, Secrecy},
    kernel::{
        memory::{copy_str, layout, read, read_user},
        output::{Count, count, lose, send},
        task::{self, Entry, Return},
    },
    text,
};

/// Entry of `ctl_ioctl(file, command, user)`: keeps the sender's wish for secrecy.
///
/// The kernel clears the flag from its copy before dispatch, and wipes the sender's.
/// Source: `drivers/md/dm-ioctl.c`, `copy_params` and `validate_params`, 5.10 to 7.3.
#[inline(always)]
pub fn ioctl_begins(hook: &impl Entry) {
    let command = hook.argument(1) as u32;
    if command & 0xffff != (IOCTL_TYPE << 8 | TARGET_MSG_NR) {
        return;
    }
    let Some(flight) = task::state_or_new() else { return };
    let flags = read_user::<u32>(hook.argument(2) + ioctl_header::FLAGS);
    // What cannot be read now may be readable for the kernel in a moment: it stays unknown.
    flight.secrecy = match flags {
        Some(flags) if flags & SECURE_DATA_FLAG == 0 => Secrecy::NOT_ASKED,
        _ => Secrecy::ASSUMED,
    };
}

/// Entry of `target_message(file, param, param_size)`: the message begins.
#[inline(always)]
pub fn message_begins(hook: &impl Entry) {
    count(Count::Hit);
    let Some(flight) = task::state_or_new() else { return lose() };
    flight.phase = Phase::IDLE;
    begin(flight);
    if !filter::admits_sender(&flight.record.head) {
        return count(Count::Filtered);
    }
    locate(flight, hook.argument(1), hook.argument(2));
    flight.phase = Phase::BEGUN;
    flight.record.head.boot_ns = task::boot_ns();
}

/// Clears the head and writes what is known of the sender.
#[inline(always)]
fn begin(flight: &mut InFlight) {
    let (pid, tid) = task::pid_tid();
    let secure = if flight.secrecy == Secrecy::NOT_ASKED { 0 } else { flag::SECURE };
    flight.secrecy = Secrecy::ASSUMED;
    flight.record.head = MessageHead {
        header: RecordHeader { abi: ABI, kind: KIND_MESSAGE, size: 0 },
        boot_ns: 0,
        latency_ns: 0,
        seq: 0,
        lost: 0,
        cgroup_id: task::cgroup_id(),
        sector: 0,
        pid,
        tid,
        uid: task::uid(),
        cpu: 0,
        dev: 0,
        target_index: NO_INDEX,
        text_len: 0,
        ret: 0,
        flags: flag::NO_LOOKUP | secure,
        name_bytes: 0,
        uuid_bytes: 0,
        verb_bytes: 0,
        text_bytes: 0,
        comm: [0; 16],
        target_type: [0; 16],
        reserved: 0,
    };
    task::comm(&mut flight.record.head.comm);
}

/// Finds the text in the kernel's copy of the ioctl's buffer.
///
/// Must run at entry: the function overwrites `data_start` with its first statements.
/// Source: `drivers/md/dm-ioctl.c`, `target_message` and `get_result_buffer`, 5.10 to 7.3.
#[inline(always)]
fn locate(flight: &mut InFlight, param: u64, param_size: u64) {
    flight.param = param;
    flight.message = 0;
    let Some(data_start) = read::<u32>(param + ioctl_header::DATA_START) else {
        flight.record.head.flags |= flag::UNREADABLE;
        return;
    };
    let text_start = u64::from(data_start) + MESSAGE_OFFSET;
    if data_start < ioctl_header::DATA || text_start >= param_size {
        return;
    }
    let Some([sector, text]) = read::<[u64; 2]>(param + u64::from(data_start)) else {
        flight.record.head.flags |= flag::UNREADABLE;
        return;
    };
    flight.record.head.sector = sector;
    flight.first = text as u32 & 0xff;
    flight.message = param + text_start;
    flight.limit = (param_size - text_start) as u32;
}

/// Return of `__find_device_hash_cell(param)`: device, target and text become known.
///
/// It also runs for every other ioctl on a device, when no message is in flight. The kernel splits
/// the text in place right after.
#[inline(always)]
pub fn device_found(hook: &impl Return) {
    let Some(flight) = task::state() else { return };
    if flight.phase != Phase::BEGUN {
        return;
    }
    flight.phase = Phase::LOOKED_UP;
    flight.record.head.flags &= !flag::NO_LOOKUP;
    let cell = hook.value(1);
    let named = if cell == 0 { ask_sender(flight) } else { ask_cell(flight, cell) };
    let strict = flight.record.head.target_type == *b"crypt\0\0\0\0\0\0\0\0\0\0\0"
        || flight.record.head.flags & flag::SECURE != 0;
    if !named || !filter::admits_target(&flight.record.head) || !text::capture(flight, strict) {
        flight.phase = Phase::IDLE;
        count(Count::Filtered);
    }
}

/// No such device: takes what the sender asked for. Returns whether its names pass the filter.
#[inline(always)]
fn ask_sender(flight: &mut InFlight) -> bool {
    flight.record.head.flags |= flag::NO_DEVICE;
    if let Some(dev) = read::<u32>(flight.param + ioctl_header::DEV) {
        flight.record.head.dev = DevT::from_huge(dev).0;
    }
    copy_names(flight, flight.param + ioctl_header::NAME, flight.param + ioctl_header::UUID)
}

/// Reads device and target. Returns whether the device's names pass the filter.
#[inline(always)]
fn ask_cell(flight: &mut InFlight, cell: u64) -> bool {
    let name = read::<u64>(cell + layout!(hash_cell_name)).unwrap_or(0);
    let uuid = read::<u64>(cell + layout!(hash_cell_uuid)).unwrap_or(0);
    let passes = copy_names(flight, name, uuid);
    if let Some(md) = read::<u64>(cell + layout!(hash_cell_md)) {
        find_dev(flight, md);
        find_target(flight, md);
    }
    passes
}

/// Copies the device's name and uuid. Returns whether one of them passes the filter.
#[inline(always)]
fn copy_names(flight: &mut InFlight, name: u64, uuid: u64) -> bool {
    let texts = &mut flight.record.texts;
    let name_bytes = text_bytes(copy_str(texts, 0, NAME_LEN as u32, name)) & (NAME_LEN as u32 - 1);
    let mut passes = !filter::wants_device() || filter::is_device(texts, 0);
    let at = name_bytes as usize;
    let uuid_bytes =
        if uuid == 0 { 0 } else { text_bytes(copy_str(texts, at, UUID_LEN as u32, uuid)) };
    passes = passes || (uuid_bytes != 0 && filter::is_device(texts, at));
    flight.record.head.name_bytes = name_bytes as u16;
    flight.record.head.uuid_bytes = uuid_bytes as u16;
    passes
}

/// Bytes of a copied text without its NUL.
#[inline(always)]
fn text_bytes(copied: u32) -> u32 {
    copied.saturating_sub(1)
}

#[inline(always)]
fn find_dev(flight: &mut InFlight, md: u64) {
    let Some(disk) = read::<u64>(md + layout!(md_disk)) else { return };
    let major = read::<u32>(disk + layout!(disk_major));
    let minor = read::<u32>(disk + layout!(disk_first_minor));
    if let (Some(major), Some(minor)) = (major, minor) {
        flight.record.head.dev = DevT::new(major, minor).0;
    }
}

/// Finds the target that covers the message's sector in the live table.
#[inline(always)]
fn find_target(flight: &mut InFlight, md: u64) {
    let table = read::<u64>(md + layout!(md_map)).unwrap_or(0);
    if table == 0 {
        flight.record.head.flags |= flag::NO_TABLE;
        return;
    }
    let count = read::<u32>(table + layout!(table_num_targets)).unwrap_or(0);
    let Some(targets) = read::<u64>(table + layout!(table_targets)) else { return };
    let sector = flight.record.head.sector;
    let Some(index) = search(targets, count, sector) else { return };
    let target = targets + u64::from(index) * layout!(target_size);
    let begin = read::<u64>(target + layout!(target_begin)).unwrap_or(u64::MAX);
    let len = read::<u64>(target + layout!(target_len)).unwrap_or(0);
    // Source: `drivers/md/dm-table.c`, `dm_table_find_target`: none beyond the table's end.
    if sector < begin || sector - begin >= len {
        return;
    }
    flight.record.head.target_index = index;
    let Some(kind) = read::<u64>(target + layout!(target_type)) else { return };
    let Some(name) = read::<u64>(kind + layout!(type_name)) else { return };
    copy_str(&mut flight.record.head.target_type, 0, 16, name);
}

/// Halvings that leave one of 2^24 targets.
const HALVINGS: u32 = 24;

/// Index of the last target that begins at or before `sector`.
#[inline(always)]
fn search(targets: u64, count: u32, sector: u64) -> Option<u32> {
    let (mut low, mut high) = (0, count);
    for _ in 0..HALVINGS {
        if high.wrapping_sub(low) <= 1 {
            break;
        }
        let middle = low + (high - low) / 2;
        let begin = targets + u64::from(middle) * layout!(target_size) + layout!(target_begin);
        if read::<u64>(begin)? <= sector {
            low = middle;
        } else {
            high = middle;
        }
    }
    (count != 0).then_some(low)
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
    let texts = [head.name_bytes, head.uuid_bytes, head.verb_bytes, head.text_bytes];
    let texts = texts.iter().fold(0, |sum, bytes| sum + u32::from(*bytes));
    head.header.size = size_of::<MessageHead>() as u32 + texts;
    send(&mut flight.record);
}
