//! Glue between the kernel's hooks and `dmmsg-common`; each program in `bin/` is a thin user of it.
#![no_std]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "`atomic_xadd`: core has no fetch_add for this target")]

pub mod filter;
pub mod inflight;
pub mod kernel;
pub mod subject;
pub mod table;
pub mod text;
