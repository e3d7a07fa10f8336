//! Why tracing cannot work on a kernel.

use thiserror::Error;

use super::{OLDEST, point::Rung};

/// Why tracing cannot work here; each text names what is missing and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The kernel cannot run BPF programs.
    #[error("the kernel has no bpf system call: boot one with CONFIG_BPF_SYSCALL")]
    NoBpf,
    /// We may not load tracing programs.
    #[error("not enough privilege: run it with sudo, or with CAP_BPF and CAP_PERFMON")]
    Privilege,
    /// BPF programs may not read the kernel's memory.
    #[error(
        "lockdown=confidentiality keeps BPF programs from reading kernel memory: \
         boot with lockdown=integrity or lockdown=none"
    )]
    Lockdown,
    /// The kernel lacks what the programs call.
    #[error("kernel {release} is too old: boot Linux {}.{} or later", OLDEST.0, OLDEST.1)]
    TooOld {
        /// The kernel's release.
        release: String,
    },
    /// The places of fields in the kernel's structures are not known.
    #[error("/sys/kernel/btf/vmlinux is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF")]
    NoVmlinuxBtf,
    /// The places of fields in dm_mod's structures are not known.
    #[error("/sys/kernel/btf/dm_mod is missing: boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES")]
    NoDmModBtf,
    /// There will never be a message.
    #[error("the kernel has neither device-mapper nor modules: boot one with CONFIG_BLK_DEV_DM")]
    NoDeviceMapper,
    /// The rung that the user asked for is not there.
    #[error("{0}, or try --probe auto")]
    Forced(Obstacle),
    /// No rung is there.
    #[error("{first}; {second}")]
    NoRung {
        /// What is in the way of the rung that is tried first.
        first: Obstacle,
        /// What is in the way of the other.
        second: Obstacle,
    },
}

/// What is in the way of one rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// The kernel has no kprobes.
    #[error("the kernel has no kprobes: boot one with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS")]
    NoKprobes,
    /// The programs for fentry call what came with 5.17.
    #[error("fentry needs Linux 5.17 or later")]
    OldKernel,
    /// Module BTF can be opened by `CAP_SYS_ADMIN` alone.
    ///
    /// Source: `kernel/bpf/syscall.c`, `bpf_btf_get_fd_by_id`, 6.1 to 6.12.
    #[error("fentry on a module's functions needs CAP_SYS_ADMIN: run it with sudo")]
    ModuleBtfPrivilege,
    /// Debian's kernels let `CAP_SYS_ADMIN` alone open kprobes at this level.
    #[error("kernel.perf_event_paranoid={level} keeps kprobes from all but root: set it to 2")]
    Paranoid {
        /// The level that is set.
        level: i32,
    },
    /// A function that must be probed is not there.
    #[error("{} does not know the function {function}: use a kernel that does not inline it",
        match rung { Rung::Fentry => "BTF", Rung::Kprobe => "/proc/kallsyms" })]
    NoFunction {
        /// The rung.
        rung: Rung,
        /// The function's name.
        function: &'static str,
    },
}
