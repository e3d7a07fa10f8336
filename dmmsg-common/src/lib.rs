//! What dmmsg's kernel programs and its user space share, compiled for both from one source.
//!
//! Nothing here allocates, panics, does I/O or knows about strings: every item must pass the
//! kernel's verifier when it is compiled for `bpfel-unknown-none`.
#![no_std]

pub mod argv;
pub mod dm;
pub mod filter;
pub mod layout;
pub mod nul;
pub mod record;
pub mod secret;
pub mod stats;
pub mod verb;
pub mod wake;
