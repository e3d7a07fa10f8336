//! dmmsg-user from outside.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start the real programs"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics fails")]
#![allow(clippy::cast_possible_truncation, reason = "samples are short")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod capture;
mod cli;
mod decode;
mod deploy;
mod exporter;
mod hist;
mod ioctls;
mod kernel;
mod lookup;
mod reference;
mod render;
mod require;
mod sample;
mod sender;
mod top;
mod vm;
mod vocabulary;
