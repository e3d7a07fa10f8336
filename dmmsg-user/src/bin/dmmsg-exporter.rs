//! `dmmsg-exporter`: serves counts of device-mapper messages to Prometheus.
#![expect(clippy::disallowed_methods, reason = "a program, not the engine")]

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    ExitCode::from(dmmsg::shell::exporter::main(env::args_os()).code())
}
