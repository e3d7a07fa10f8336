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
pub mod config;
mod count;
pub mod exporter;
pub mod facts;
pub mod kernel;
pub mod lookup;
mod missed;
pub mod replay;
mod run;
mod screen;
pub mod sink;
pub mod stop;
pub mod stream;
pub mod trace;
pub mod users;
mod verbs;

use std::{
    fmt,
    io::{Write as _, stderr},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// The running program's name, if it is not `dmmsg-trace`.
static PROGRAM: OnceLock<&'static str> = OnceLock::new();

/// What people are told later, while a screen is shown.
static HELD_BACK: Mutex<Option<Vec<String>>> = Mutex::new(None);
/// Lines held back at most; what else there was to tell is in the totals.
const HELD_BACK_MAX: usize = 100;

/// Tells people something, at once or when the screen is gone; who cannot be told cannot be told that either.
fn say(text: fmt::Arguments<'_>) {
    let line = text.to_string();
    match &mut *held_back() {
        Some(lines) if lines.len() < HELD_BACK_MAX => lines.push(line),
        Some(_) => {}
        None => write_line(&line),
    }
}

/// Says which program people are told things by.
fn name_program(name: &'static str) {
    let _ = PROGRAM.set(name);
}

/// Holds back what people are told from now on.
fn hold_back() {
    *held_back() = Some(Vec::new());
}

/// Tells what was held back, and all else at once.
fn release() {
    for line in held_back().take().unwrap_or_default() {
        write_line(&line);
    }
}

fn held_back() -> MutexGuard<'static, Option<Vec<String>>> {
    HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_line(line: &str) {
    let program = PROGRAM.get().unwrap_or(&"dmmsg-trace");
    let _ = writeln!(stderr(), "{program}: {line}");
}
