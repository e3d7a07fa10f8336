//! The current task, and what a hook tells of the call it is in.

use super::memory::{Access as _, Typed, layout};
use aya_ebpf::{
    EbpfContext,
    helpers::generated as helper,
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};

/// The current task.
pub struct Task {
    /// The address of its `struct task_struct`, as a mere number that tells it from all others.
    pub number: u64,
}

impl Task {
    /// The task that runs this program.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: takes no argument.
        Self { number: unsafe { helper::bpf_get_current_task() } }
    }
}

/// The current task's `struct task_struct`, of a type that the verifier knows on every rung.
#[inline(always)]
pub fn structure() -> u64 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_get_current_task_btf() as u64 }
}

/// The current task's real user id, in the initial namespace.
#[inline(always)]
pub fn uid() -> u32 {
    let cred = Typed::field(structure(), layout!(task_cred)).unwrap_or(0);
    Typed::field(cred, layout!(cred_uid)).unwrap_or(0)
}

/// The third argument of the system call that the current task is in.
#[inline(always)]
pub fn syscall_argument() -> u64 {
    // SAFETY: `structure` is from `bpf_get_current_task_btf`.
    let registers = unsafe { helper::bpf_task_pt_regs(structure() as *mut _) };
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

/// What a hook tells of the function's arguments.
pub trait Arguments {
    /// The `n`th argument, from 0, of the type that the verifier knows it to have; `None` where the
    /// hook sees no arguments.
    fn argument(&self, n: usize) -> Option<u64>;

    /// The same as a mere number, which may be calculated with.
    fn number(&self, n: usize) -> Option<u64> {
        self.argument(n)
    }
}

/// What a hook at a function's return tells.
pub trait Return: Arguments {
    /// The value of a function with `arguments` arguments.
    fn value(&self, arguments: usize) -> u64;
}

impl Arguments for FEntryContext {
    #[inline(always)]
    fn argument(&self, n: usize) -> Option<u64> {
        Some(self.arg(n))
    }

    #[inline(always)]
    fn number(&self, n: usize) -> Option<u64> {
        Some(untyped_argument(self, n))
    }
}

impl Arguments for FExitContext {
    #[inline(always)]
    fn argument(&self, n: usize) -> Option<u64> {
        Some(self.arg(n))
    }

    #[inline(always)]
    fn number(&self, n: usize) -> Option<u64> {
        Some(untyped_argument(self, n))
    }
}

impl Arguments for ProbeContext {
    #[inline(always)]
    fn argument(&self, n: usize) -> Option<u64> {
        self.arg(n)
    }
}

impl Arguments for RetProbeContext {
    #[inline(always)]
    fn argument(&self, _: usize) -> Option<u64> {
        None
    }
}

impl Return for FExitContext {
    #[inline(always)]
    fn value(&self, arguments: usize) -> u64 {
        // The slot behind the last argument; `bpf_get_func_ret` takes a few instructions more.
        self.arg(arguments)
    }
}

impl Return for RetProbeContext {
    #[inline(always)]
    fn value(&self, _: usize) -> u64 {
        self.ret()
    }
}

/// Source: `kernel/bpf/verifier.c`, which puts the helper's few instructions in place, since 5.17.
#[inline(always)]
fn untyped_argument(hook: &impl EbpfContext, n: usize) -> u64 {
    let mut value = 0;
    // SAFETY: the helper writes one word, or nothing where there is no such argument.
    unsafe { helper::bpf_get_func_arg(hook.as_ptr(), n as u32, &raw mut value) };
    value
}
