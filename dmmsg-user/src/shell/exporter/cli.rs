//! The command line of `dmmsg-exporter`.

use std::{ffi::OsString, net::SocketAddr};

use clap::{Parser, value_parser};

use crate::{
    engine::{exit::Exit, metrics::DEVICES_MAX, plan::Probe},
    shell::cli::{ProbeWord, report},
};

/// What the exporter is to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen, unless systemd hands over a socket.
    pub listen: SocketAddr,
    /// How many devices to tell apart.
    pub per_device: u16,
    /// Which rung to attach on.
    pub probe: Probe,
}

/// Reads the command line.
///
/// # Errors
/// There is nothing to run: help or version were printed, or one line that says what is wrong.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Options, Exit> {
    let args = Args::try_parse_from(words).map_err(|error| report(&error))?;
    let Args { listen, per_device, probe } = args;
    Ok(Options { listen, per_device, probe: probe.into() })
}

/// Counts the messages that device-mapper gets, in the kernel, and serves the counts as metrics for
/// Prometheus and as a page for people. Watches only; blocks nothing.
#[derive(Debug, Parser)]
#[command(name = "dmmsg-exporter", version, after_help = EXAMPLES)]
struct Args {
    /// Where to listen; a socket from systemd goes before it
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9435")]
    listen: SocketAddr,

    /// Tell this many devices apart, 1000 at most; all others are _other
    #[arg(long, value_name = "N", default_value = "0",
          value_parser = value_parser!(u16).range(0..=i64::from(DEVICES_MAX)))]
    per_device: u16,

    /// How to attach
    #[arg(long, value_name = "RUNG", default_value = "auto")]
    probe: ProbeWord,
}

const EXAMPLES: &str = "\
Examples:
  dmmsg-exporter                           http://127.0.0.1:9435/ on this machine alone
  dmmsg-exporter --listen 192.0.2.7:9435   for a Prometheus elsewhere
  dmmsg-exporter --per-device 100          messages by device, for the first hundred
  curl http://127.0.0.1:9435/metrics       what Prometheus reads
  curl -f http://127.0.0.1:9435/healthz    whether all probes are attached";
