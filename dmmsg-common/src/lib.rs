//! What dmmsg's kernel programs and its user space share, compiled for both from one source.
//!
//! Nothing here allocates, panics, does I/O or knows about strings: every item must pass the
//! kernel's verifier when it is compiled for `bpfel-unknown-none`.
#![no_std]
#![allow(
    clippy::inline_always,
    reason = "a call costs the verifier a frame and BPF a spill of its few registers"
)]

pub mod argv;
pub mod count;
pub mod dm;
pub mod filter;
pub mod hist;
pub mod layout;
pub mod nul;
pub mod opening;
pub mod record;
pub mod secret;
pub mod selftest;
pub mod stats;
pub mod verb;
pub mod wake;
