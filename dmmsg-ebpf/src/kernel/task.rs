//! The current task: who it is, and the state it keeps while its message is in flight.

use core::ptr;

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated as helper,
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};
use super::memory::{Access as _, Typed, layout};
use crate::inflight::InFlight;

/// Task storage, which aya-ebpf 0.2 has no type for: a BTF map definition by hand.
///
/// Source: `tools/lib/bpf/bpf_helpers.h`, `__uint` and `__type`.
#[repr(C)]
pub struct TaskStorage {
    r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE],
    key: *const i32,
    value: *const InFlight,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; BPF_F_NO_PREALLOC],
}

const BPF_MAP_TYPE_TASK_STORAGE: usize = 29;
const BPF_F_NO_PREALLOC: usize = 1;
const BPF_LOCAL_STORAGE_GET_F_CREATE: u64 = 1;

// SAFETY: the definition is never read; only the kernel gives its address a meaning.
unsafe impl Sync for TaskStorage {}

/// What each task has in flight.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".maps")]
static IN_FLIGHT: TaskStorage = TaskStorage {
    r#type: ptr::null(),
    key: ptr::null(),
    value: ptr::null(),
    max_entries: ptr::null(),
    map_flags: ptr::null(),
};

/// The current task's state, if it has one.
#[inline(always)]
pub fn state() -> Option<&'static mut InFlight> {
    storage(0)
}

/// The current task's state, made on first use; `None` where the kernel has no memory for it.
#[inline(always)]
pub fn state_or_new() -> Option<&'static mut InFlight> {
    storage(BPF_LOCAL_STORAGE_GET_F_CREATE)
}

#[inline(always)]
fn storage(flags: u64) -> Option<&'static mut InFlight> {
    // SAFETY: takes no argument.
    let task = unsafe { helper::bpf_get_current_task_btf() };
    let map = (&raw const IN_FLIGHT).cast_mut().cast();
    // SAFETY: `map` is the task-storage map above, whose values are `InFlight`.
    let value = unsafe { helper::bpf_task_storage_get(map, task.cast(), ptr::null_mut(), flags) };
    // SAFETY: null, or zeroed or earlier filled memory of an `InFlight`, for which any bytes are a
    // value; only the task itself reaches it, and no probe of ours nests in another.
    unsafe { value.cast::<InFlight>().as_mut() }
}

/// The current task's `struct task_struct`, of a type that the verifier knows on every rung.
#[inline(always)]
pub fn current() -> u64 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_get_current_task_btf() as u64 }
}

/// The third argument of the system call that the current task is in.
#[inline(always)]
pub fn syscall_argument(task: u64) -> u64 {
    // SAFETY: `task` comes from `bpf_get_current_task_btf`.
    let registers = unsafe { helper::bpf_task_pt_regs(task as *mut _) };
    Typed::field(registers as u64, layout!(regs_third)).unwrap_or(0)
}

/// Id of the current task's cgroup in the default hierarchy.
#[inline(always)]
pub fn cgroup_id() -> u64 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_get_current_cgroup_id() }
}

/// CPU that runs this program.
#[inline(always)]
pub fn cpu() -> u32 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_get_smp_processor_id() }
}

/// `CLOCK_BOOTTIME` in ns.
#[inline(always)]
pub fn boot_ns() -> u64 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_ktime_get_boot_ns() }
}

/// What a hook at a function's entry tells.
pub trait Entry {
    /// The function's `n`th argument, from 0.
    fn argument(&self, n: usize) -> u64;
}

/// What a hook at a function's return tells.
pub trait Return {
    /// The value of a function with `arguments` arguments.
    fn value(&self, arguments: usize) -> u64;
}

impl Entry for FEntryContext {
    #[inline(always)]
    fn argument(&self, n: usize) -> u64 {
        self.arg(n)
    }
}

impl Entry for ProbeContext {
    #[inline(always)]
    fn argument(&self, n: usize) -> u64 {
        self.arg(n).unwrap_or(0)
    }
}

impl Return for FExitContext {
    #[inline(always)]
    fn value(&self, arguments: usize) -> u64 {
        // The slot behind the last argument; `bpf_get_func_ret` would need 5.17.
        self.arg(arguments)
    }
}

impl Return for RetProbeContext {
    #[inline(always)]
    fn value(&self, _: usize) -> u64 {
        let _ = self.as_ptr();
        self.ret()
    }
}
