//! What dmmsg does to the world, without decisions worth a test.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the shell is where files, clocks and processes are touched"
)]

mod chores;
pub mod cli;
pub mod facts;
pub mod kernel;
pub mod lookup;
pub mod sink;
pub mod stop;
pub mod trace;
pub mod users;
mod verbs;
