//! The programs that observe; none of them can change what the kernel does.
//!
//! Each hook has two programs, one a rung of the attach ladder: fentry or fexit, and kprobe or
//! kretprobe.
#![no_std]
#![no_main]
#![allow(clippy::needless_pass_by_value, reason = "aya's macros hand a context over by value")]

#[path = "../kprobes.rs"]
mod kprobes;

use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use dmmsg_ebpf::{direct, ioctl, kernel::memory::Typed, message};

#[fentry(function = "target_message")]
fn target_message_fentry(ctx: FEntryContext) -> i32 {
    message::begins::<Typed>(&ctx);
    0
}

#[fexit(function = "__find_device_hash_cell")]
fn find_device_fexit(ctx: FExitContext) -> i32 {
    message::device_found::<Typed>(&ctx);
    0
}

#[fexit(function = "target_message")]
fn target_message_fexit(ctx: FExitContext) -> i32 {
    message::ends(&ctx);
    0
}

#[fentry(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_fentry(ctx: FEntryContext) -> i32 {
    direct::begins::<Typed>(&ctx);
    0
}

#[fexit(function = "dm_blk_ioctl")]
fn dm_blk_ioctl_fexit(ctx: FExitContext) -> i32 {
    direct::ends(&ctx);
    0
}

#[fentry(function = "ctl_ioctl")]
fn ctl_ioctl_fentry(ctx: FEntryContext) -> i32 {
    ioctl::begins(&ctx);
    0
}

#[fexit(function = "ctl_ioctl")]
fn ctl_ioctl_fexit(ctx: FExitContext) -> i32 {
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
