//! `dmmsg-trace`: shows device-mapper messages.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ExitCode::from(dmmsg::shell::trace::main(env::args_os()).code())
}
