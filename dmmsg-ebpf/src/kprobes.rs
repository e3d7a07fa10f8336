//! The programs for kprobes and kretprobes, on every kernel.

use aya_ebpf::{
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use dmmsg_ebpf::kernel::memory::Probed;

use super::{direct, ioctl, message};

#[kprobe(function = "target_message")]
fn target_message_kprobe(ctx: ProbeContext) -> u32 {
    message::begins::<Probed>(&ctx);
    0
}

#[kretprobe(function = "__find_device_hash_cell")]
fn find_device_kretprobe(ctx: RetProbeContext) -> u32 {
    message::device_found::<Probed>(&ctx);
    0
}

#[kretprobe(function = "target_message")]
fn target_message_kretprobe(ctx: RetProbeContext) -> u32 {
    message::ends(&ctx);
    0
}

#[kprobe(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_kprobe(ctx: ProbeContext) -> u32 {
    direct::begins::<Probed>(&ctx);
    0
}

#[kretprobe(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_kretprobe(ctx: RetProbeContext) -> u32 {
    direct::ends(&ctx);
    0
}

#[kprobe(function = "ctl_ioctl")]
fn ctl_ioctl_kprobe(ctx: ProbeContext) -> u32 {
    ioctl::begins(&ctx);
    0
}

#[kretprobe(function = "ctl_ioctl")]
fn ctl_ioctl_kretprobe(ctx: RetProbeContext) -> u32 {
    ioctl::ends(&ctx);
    0
}
