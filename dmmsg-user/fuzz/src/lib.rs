//! What fuzz targets do with the bytes that the fuzzer makes up.
//!
//! A target is wrong if it panics: by an assertion here, or anywhere in the code that it calls.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a program, not the engine"
)]

pub mod capture;
pub mod record;
