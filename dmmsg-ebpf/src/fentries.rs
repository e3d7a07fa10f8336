//! The programs for fentry and fexit, as thin as can be: `super` says what they do.

use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use dmmsg_ebpf::kernel::memory::Typed;

use super::{direct, ioctl, message};

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
