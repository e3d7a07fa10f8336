//! `dmmsg-trace`: shows device-mapper messages.
#![expect(clippy::disallowed_methods, reason = "a program, not the engine")]

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ExitCode::from(dmmsg::shell::trace::main(env::args_os()).code())
}
