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
    kernel::memory::{Probed, Typed},
    subject,
};

#[fentry(function = "target_message")]
fn target_message_fentry(ctx: FEntryContext) -> i32 {
    subject::message_begins::<Typed>(&ctx);
    0
}

#[kprobe(function = "target_message")]
fn target_message_kprobe(ctx: ProbeContext) -> u32 {
    subject::message_begins::<Probed>(&ctx);
    0
}

#[fexit(function = "__find_device_hash_cell")]
fn find_device_fexit(ctx: FExitContext) -> i32 {
    subject::device_found::<Typed>(&ctx);
    0
}

#[kretprobe(function = "__find_device_hash_cell")]
fn find_device_kretprobe(ctx: RetProbeContext) -> u32 {
    subject::device_found::<Probed>(&ctx);
    0
}

#[fexit(function = "target_message")]
fn target_message_fexit(ctx: FExitContext) -> i32 {
    subject::message_ends(&ctx);
    0
}

#[kretprobe(function = "target_message")]
fn target_message_kretprobe(ctx: RetProbeContext) -> u32 {
    subject::message_ends(&ctx);
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
