//! The places in the kernel where probes sit.

use super::facts::{FunctionFacts, KernelFacts};

/// A kernel function that a probe sits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Entry and return of the handler of `DM_TARGET_MSG`.
    TargetMessage,
    /// Return of the device lookup.
    FindDevice,
    /// Entry and return of the handler of ioctls to a device.
    DeviceIoctl,
    /// Entry and return of the handler of ioctls to the control node.
    ControlIoctl,
}

impl Point {
    /// All points, in the order a message passes them, then those that it does not pass.
    pub const ALL: [Self; 4] =
        [Self::TargetMessage, Self::FindDevice, Self::DeviceIoctl, Self::ControlIoctl];

    /// Name of the kernel function.
    pub const fn function(self) -> &'static str {
        match self {
            Self::TargetMessage => "target_message",
            Self::FindDevice => "__find_device_hash_cell",
            Self::DeviceIoctl => "dm_blk_ioctl",
            Self::ControlIoctl => "ctl_ioctl",
        }
    }

    /// What cannot be seen without this point.
    pub const fn loss(self) -> &'static str {
        match self {
            Self::TargetMessage => "every message",
            Self::FindDevice => "device, target, index, text",
            Self::DeviceIoctl => "direct ioctls",
            Self::ControlIoctl => "ioctls other than messages",
        }
    }

    /// Whether there is nothing to see without this point.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::TargetMessage | Self::FindDevice)
    }

    /// Place of the point in [`Point::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    pub(super) const fn facts(self, facts: &KernelFacts) -> FunctionFacts {
        facts.functions[self.index()]
    }
}

/// How a probe is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// By a trampoline, which needs the function's BTF.
    Fentry,
    /// By a breakpoint or ftrace, which needs the function's address.
    Kprobe,
}

impl Rung {
    /// The rung's name, as `--probe` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
        }
    }

    /// Whether a function of these facts can be probed on this rung.
    pub(super) const fn reaches(self, function: FunctionFacts) -> bool {
        match self {
            Self::Fentry => function.in_btf,
            Self::Kprobe => function.in_kallsyms,
        }
    }
}
