//! dmmsg's chores: `cargo xtask <command>`.
//!
//! Each command is a file of its own. Guests are booted by [`qemu`], with a [`kernel`] and a
//! [`rootfs`] that [`apt`] fetched into the [`cache`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accel;
mod apt;
mod archive;
mod bench;
mod browser;
mod cache;
mod cargo;
mod child;
mod console;
mod demo;
mod disk;
mod ebpf;
mod fuzz;
mod initramfs;
mod kernel;
mod modules;
mod prerequisites;
mod progress;
mod prometheus;
mod qemu;
mod rootfs;
mod static_build;
mod test;
mod tool;
mod verdict;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Chores of the dmmsg workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Build the kernel programs, or check that those in the repository are up to date
    Ebpf(ebpf::Arguments),
    /// Run every test, also in virtual machines
    Test(test::Arguments),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Arguments),
    /// Feed the decoders made-up bytes, guided by which code they reach
    Fuzz(fuzz::Arguments),
    /// Run a command in a virtual machine
    Vm(vm::Arguments),
    /// Watch dmmsg-trace while real tools send messages, in a virtual machine
    Demo(demo::Arguments),
}

fn main() -> ExitCode {
    run(Command::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Ebpf(arguments) => ebpf::run(&arguments),
        Command::Test(arguments) => Ok(test::run(&arguments)),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Vm(arguments) => vm::run(arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
