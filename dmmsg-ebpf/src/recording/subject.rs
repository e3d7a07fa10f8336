//! Fills what every record tells of a call: who makes it, and on which device.

#[cfg(feature = "kernel-5-10")]
use crate::kernel::memory::put_text;
#[cfg(not(feature = "kernel-5-10"))]
use crate::kernel::memory::put_words;

use dmmsg_common::{
    dm::{COMM_LEN, NAME_LEN},
    record::{ABI, Call, RecordHeader, padded},
};

use crate::kernel::opaque::opaque;
use crate::{
    filter,
    kernel::{memory::layout, task},
};

/// Bit of `struct mapped_device::flags` that says that the device is suspended.
///
/// Source: `drivers/md/dm-core.h` (`dm.c` in 5.10), `DMF_SUSPENDED`, 5.10 to 7.3.
const DMF_SUSPENDED: u64 = 1 << 1;

/// The start of a record of this kind, which has no text yet.
#[inline(always)]
pub fn header<Head>(kind: u16) -> RecordHeader {
    RecordHeader { abi: ABI, kind, size: size_of::<Head>() as u32 }
}

/// Writes what is known of the caller, the current task, whose structure is at `task`; the device is
/// cleared.
#[inline(always)]
pub fn begin(call: &mut Call, task: u64) {
    call.pid = task::field(task, layout!(task_tgid));
    call.tid = task::field(task, layout!(task_pid));
    call.uid = task::field(task::field(task, layout!(task_cred)), layout!(cred_uid));
    let comm = layout!(task_comm);
    put_comm(&mut call.comm, task::field(task, comm), task::field(task, comm + 8));
    call.cgroup_id = task::cgroup_id();
    // Of a zero that it knows, the compiler would make a call of `memset`.
    call.dev = opaque(0);
}

/// Writes a command name, behind which the kernel has zeroes.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
fn put_comm(to: &mut [u8; COMM_LEN], first: u64, second: u64) {
    put_words(to, &[first, second]);
}

/// Writes a command name, behind which there may be the end of an earlier, longer one.
///
/// Source: `fs/exec.c`, `__set_task_comm`, which pads since 5.17.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
fn put_comm(to: &mut [u8; COMM_LEN], first: u64, second: u64) {
    let is_short = put_text(to, 0, first).is_some();
    put_text(to, 8, if is_short { 0 } else { second });
}

/// Writes how the call ended, now.
#[inline(always)]
pub fn end(call: &mut Call, now: u64, ret: u64) {
    call.latency_ns = now.saturating_sub(call.boot_ns);
    call.ret = ret as i32;
    call.cpu = task::cpu();
}

/// Whether `struct mapped_device::flags` say that the device is suspended.
#[inline(always)]
pub const fn is_suspended(flags: u64) -> bool {
    flags & DMF_SUSPENDED != 0
}

/// Copies the name and the uuid of a device to `texts[at..]` by way of `copy`, which gets the place
/// for each of them and returns its length.
///
/// Returns the lengths, and whether one of the two passes the user's filter.
#[inline(always)]
pub fn copy_names<const N: usize>(
    texts: &mut [u8; N],
    at: usize,
    mut copy: impl FnMut(&mut [u8; N], usize, Which) -> usize,
) -> Names {
    let name = copy(texts, at, Which::Name);
    let mut passes = !filter::wants_device() || filter::is_device(texts, at, name);
    // The mask repeats the bound of the length for the verifier.
    let at = at + padded(name & (2 * NAME_LEN - 1));
    let uuid = copy(texts, at, Which::Uuid);
    passes = passes || filter::is_device(texts, at, uuid);
    Names { name: name as u16, uuid: uuid as u16, end: at + uuid, passes }
}

/// Whether a name or a uuid that [`copy_names`] put to the start of `texts` passes the user's filter.
#[inline(always)]
pub fn admits_names<const N: usize>(texts: &[u8; N], name: u16, uuid: u16) -> bool {
    let name = usize::from(name);
    !filter::wants_device()
        || filter::is_device(texts, 0, name)
        || filter::is_device(texts, padded(name & (2 * NAME_LEN - 1)), usize::from(uuid))
}

/// Which of a device's two names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Its name.
    Name,
    /// Its uuid.
    Uuid,
}

/// What [`copy_names`] has copied.
pub struct Names {
    /// Bytes of the name.
    pub name: u16,
    /// Bytes of the uuid.
    pub uuid: u16,
    /// Where the uuid ends.
    pub end: usize,
    /// Whether one of them passes the user's filter.
    pub passes: bool,
}
