//! What the shell finds out about the running kernel.

use super::point::Point;

/// What the shell found out about the running kernel and about us.
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelFacts {
    /// Release, as `uname -r` prints it.
    pub release: String,
    /// What we may do.
    pub privilege: Privilege,
    /// The lockdown that is in force.
    pub lockdown: Lockdown,
    /// The kernel has the `bpf` system call.
    pub bpf_syscall: bool,
    /// The kernel describes its own types, in `/sys/kernel/btf/vmlinux`.
    pub vmlinux_btf: bool,
    /// The kernel describes dm_mod's types, in `/sys/kernel/btf/dm_mod`.
    pub dm_mod_btf: bool,
    /// Where device-mapper is.
    pub dm_mod: DmMod,
    /// The kernel has kprobes, as `/sys/bus/event_source/devices/kprobe`.
    pub kprobes: bool,
    /// The kernel preempts tasks that run in it.
    pub preemptible: bool,
    /// `kernel.perf_event_paranoid`; Debian's kernels know a level 3 beyond the usual 2.
    pub perf_event_paranoid: i32,
    /// What is known of each function, in the order of [`Point::ALL`].
    pub functions: [FunctionFacts; Point::ALL.len()],
}

/// Our effective capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privilege {
    /// `CAP_SYS_ADMIN`, which stands for the others too.
    pub sys_admin: bool,
    /// `CAP_BPF`.
    pub bpf: bool,
    /// `CAP_PERFMON`.
    pub perfmon: bool,
}

impl Privilege {
    /// Whether tracing programs may be loaded and attached.
    pub(super) const fn suffices(self) -> bool {
        self.sys_admin || self.bpf && self.perfmon
    }
}

/// What `/sys/kernel/security/lockdown` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// No lockdown, or a kernel without it.
    None,
    /// Nobody may change the kernel.
    Integrity,
    /// Nobody may read the kernel either.
    Confidentiality,
}

/// Where device-mapper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmMod {
    /// Not there; it may be loaded later.
    Absent,
    /// Not there, and the kernel cannot load modules.
    Never,
    /// A module that is loaded.
    Module,
    /// Part of the kernel.
    BuiltIn,
}

/// What is known of one function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionFacts {
    /// It is a function in the BTF of the kernel or of dm_mod.
    pub in_btf: bool,
    /// It has an address in `/proc/kallsyms`.
    pub in_kallsyms: bool,
}
