//! dmmsg-common from outside, against plain definitions that see the whole message.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod argv;
mod reference;
mod secret;
