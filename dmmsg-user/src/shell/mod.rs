//! What dmmsg does to the world, without decisions worth a test.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the shell is where files, clocks and processes are touched"
)]

mod attach;
pub mod capture;
mod chores;
pub mod cli;
pub mod facts;
pub mod kernel;
pub mod lookup;
pub mod replay;
pub mod sink;
pub mod stop;
pub mod stream;
pub mod trace;
pub mod users;
mod verbs;

use std::{
    fmt,
    io::{Write as _, stderr},
};

/// Tells people something; who cannot be told cannot be told that either.
fn say(text: fmt::Arguments<'_>) {
    // File names are among it, and may be a stranger's.
    let is_odd = |c: char| c.is_control() && c != '\n';
    let mut line = String::new();
    for c in text.to_string().chars() {
        if is_odd(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    let _ = writeln!(stderr(), "dmmsg-trace: {line}");
}
