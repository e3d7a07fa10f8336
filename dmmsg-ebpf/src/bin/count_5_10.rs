//! The programs that only count, for kernels from 5.10 on that are too old for those of `count.rs`.
//!
//! kprobes and kretprobes alone; none of them can change what the kernel does.
#![no_std]
#![no_main]
#![allow(clippy::needless_pass_by_value, reason = "aya's macros hand a context over by value")]

#[path = "../kprobes.rs"]
mod kprobes;

use dmmsg_ebpf::counting::{direct, ioctl, message};

/// Lets the kernel accept programs that use helpers for GPL code only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
