//! The programs that measure the time in a target's own method.

use aya_ebpf::{
    macros::{kprobe, kretprobe},
    programs::{ProbeContext, RetProbeContext},
};
use dmmsg_ebpf::recording::message;

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
