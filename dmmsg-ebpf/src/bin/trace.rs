//! The programs that observe; none of them can change what the kernel does.
//!
//! Each hook has two programs, one a rung of the attach ladder: fentry or fexit, and kprobe or
//! kretprobe.
#![no_std]
#![no_main]
#![allow(clippy::needless_pass_by_value, reason = "aya's macros hand a context over by value")]

use aya_ebpf::{
    macros::{fentry, fexit, kprobe, kretprobe},
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};
use dmmsg_ebpf::{
    direct, ioctl,
    kernel::memory::{Probed, Typed},
    message,
};

#[fentry(function = "target_message")]
fn target_message_fentry(ctx: FEntryContext) -> i32 {
    message::begins::<Typed>(&ctx);
    0
}

#[kprobe(function = "target_message")]
fn target_message_kprobe(ctx: ProbeContext) -> u32 {
    message::begins::<Probed>(&ctx);
    0
}

#[fexit(function = "__find_device_hash_cell")]
fn find_device_fexit(ctx: FExitContext) -> i32 {
    message::device_found::<Typed>(&ctx);
    0
}

#[kretprobe(function = "__find_device_hash_cell")]
fn find_device_kretprobe(ctx: RetProbeContext) -> u32 {
    message::device_found::<Probed>(&ctx);
    0
}

#[fexit(function = "target_message")]
fn target_message_fexit(ctx: FExitContext) -> i32 {
    message::ends(&ctx);
    0
}

#[kretprobe(function = "target_message")]
fn target_message_kretprobe(ctx: RetProbeContext) -> u32 {
    message::ends(&ctx);
    0
}

/// On the message method of every target: kprobes alone, which do not keep its module loaded.
#[kprobe]
fn handler_kprobe(_: ProbeContext) -> u32 {
    message::handler_begins();
    0
}

#[kretprobe]
fn handler_kretprobe(_: RetProbeContext) -> u32 {
    message::handler_ends();
    0
}

#[fentry(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_fentry(ctx: FEntryContext) -> i32 {
    direct::begins::<Typed>(&ctx);
    0
}

#[kprobe(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_kprobe(ctx: ProbeContext) -> u32 {
    direct::begins::<Probed>(&ctx);
    0
}

#[fexit(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_fexit(ctx: FExitContext) -> i32 {
    direct::ends(&ctx);
    0
}

#[kretprobe(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_kretprobe(ctx: RetProbeContext) -> u32 {
    direct::ends(&ctx);
    0
}

#[fentry(function = "ctl_ioctl")]
fn ctl_ioctl_fentry(ctx: FEntryContext) -> i32 {
    ioctl::begins(&ctx);
    0
}

#[kprobe(function = "ctl_ioctl")]
fn ctl_ioctl_kprobe(ctx: ProbeContext) -> u32 {
    ioctl::begins(&ctx);
    0
}

#[fexit(function = "ctl_ioctl")]
fn ctl_ioctl_fexit(ctx: FExitContext) -> i32 {
    ioctl::ends(&ctx);
    0
}

#[kretprobe(function = "ctl_ioctl")]
fn ctl_ioctl_kretprobe(ctx: RetProbeContext) -> u32 {
    ioctl::ends(&ctx);
    0
}

/// Lets the kernel accept programs that use helpers for GPL code only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
