//! The current task, and what a hook tells of the call it is in.

#[cfg(feature = "kernel-5-10")]
use super::memory::Probed;
#[cfg(not(feature = "kernel-5-10"))]
use super::memory::Typed;
use super::memory::{Access as _, Plain, layout};
use aya_ebpf::{
    EbpfContext,
    helpers::generated as helper,
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};

/// The current task.
pub struct Task {
    /// A number that tells it from all others: the address of its `struct task_struct`, or its ids.
    pub number: u64,
}

impl Task {
    /// The task that runs this program.
    #[inline(always)]
    pub fn current() -> Self {
        // SAFETY: takes no argument.
        Self { number: unsafe { helper::bpf_get_current_task() } }
    }

    /// The task that runs this program, by the ids of its process, in the upper half, and thread.
    #[inline(always)]
    pub fn by_id() -> Self {
        // SAFETY: takes no argument.
        Self { number: unsafe { helper::bpf_get_current_pid_tgid() } }
    }
}

/// How fields of the current task are read.
#[cfg(not(feature = "kernel-5-10"))]
type TaskAccess = Typed;
#[cfg(feature = "kernel-5-10")]
type TaskAccess = Probed;

/// Reads a field of the current task's `struct task_struct`, or of what such a field points to.
#[inline(always)]
pub fn field<T: Plain + Default>(structure: u64, offset: u64) -> T {
    TaskAccess::field(structure, offset).unwrap_or_default()
}

/// The current task's `struct task_struct`, of a type that the verifier knows on every rung.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
pub fn structure() -> u64 {
    // SAFETY: takes no argument.
    unsafe { helper::bpf_get_current_task_btf() as u64 }
}

/// The current task's `struct task_struct`.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
pub fn structure() -> u64 {
    Task::current().number
}

/// The current task's real user id, in the initial namespace.
#[inline(always)]
pub fn uid() -> u32 {
    let cred = field(structure(), layout!(task_cred));
    field(cred, layout!(cred_uid))
}

/// The third argument of the system call that the current task, whose structure is at `task`, is in.
#[inline(always)]
pub fn syscall_argument(task: u64) -> u64 {
    field(registers(task), layout!(regs_third))
}

/// What user space had in its registers when it called.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
fn registers(task: u64) -> u64 {
    // SAFETY: `task` is from `bpf_get_current_task_btf`.
    unsafe { helper::bpf_task_pt_regs(task as *mut _) as u64 }
}

/// What user space had in its registers when it called: the kernel keeps it at its stack's start.
///
/// Source: `arch/x86/include/asm/processor.h`, `task_pt_regs`, 5.10 to 7.3.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
fn registers(task: u64) -> u64 {
    field::<u64>(task, layout!(task_stack)) + layout!(stack_regs)
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
