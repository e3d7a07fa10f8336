//! Glue between the kernel's hooks and `dmmsg-common`; each program in `bin/` is a thin user of it.
#![no_std]
#![feature(asm_experimental_arch)]
#![feature(core_intrinsics)]
#![allow(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    clippy::cast_ptr_alignment,
    reason = "a call costs the verifier and the machine; BPF has one width of register"
)]
#![expect(internal_features, reason = "core withholds atomic operations from this target")]

#[cfg(feature = "counting")]
pub mod counting;
pub mod filter;
pub mod kernel;
pub mod length;
#[cfg(not(feature = "counting"))]
pub mod recording;
pub mod table;
