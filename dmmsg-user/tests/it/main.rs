//! dmmsg-user from outside.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start the real programs"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics fails")]

mod cli;
mod decode;
mod render;
mod sample;
