//! `dmmsg-exporter`: serves what the probes have counted.

mod attach;
mod cli;
mod connection;
mod listen;
mod privilege;
mod serve;
mod supervisor;

use std::ffi::OsString;

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, task::LocalSet};

pub use self::{
    attach::{Counts, attach},
    cli::Options,
    listen::listen,
    serve::{Limits, serve},
};
use super::{attach::CannotAttach, name_program, say, stop::Stop, trace::with_runtime};
use crate::engine::{exit::Exit, plan::Refusal};

/// Runs the program.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    name_program("dmmsg-exporter");
    let options = match cli::parse(words) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    with_runtime(export(&options)).unwrap_or_else(|error| {
        say(format_args!("{error:#}"));
        if error.is::<Refusal>() || error.is::<CannotAttach>() {
            Exit::Refused
        } else {
            Exit::Failed
        }
    })
}

async fn export(options: &Options) -> Result<Exit> {
    // Before anything is attached: an address that is in use should cost nothing.
    let listener = listen(options.listen)?;
    let mut stop = Stop::new()?;
    let Some(counts) = attach(options, &mut stop).await.context(CannotAttach)? else {
        return Ok(Exit::Done);
    };
    run(listener, counts, stop).await
}

/// Serves what is counted until the run ends, without the privilege that attaching took.
///
/// # Errors
/// The privilege cannot be given up, or the probes went away.
pub async fn run(listener: TcpListener, counts: Counts, mut stop: Stop) -> Result<Exit> {
    let address = listener.local_addr().context("ask for the socket's address")?;
    stop.when_module_goes(counts.module);
    let keeps = counts.keeps;
    privilege::give_up(keeps)?;
    let but = if keeps.is_empty() { "" } else { " but CAP_BPF" };
    say(format_args!("probes attached, capabilities dropped{but}, serving http://{address}/"));
    supervisor::ready();
    LocalSet::new()
        .run_until(async {
            tokio::select! {
                () = stop.wait() => {}
                () = serve(listener, Limits::default(), counts.snapshot) => {}
                () = supervisor::feed_watchdog() => {}
            }
        })
        .await;
    supervisor::stopping();
    stop.verdict()?;
    Ok(Exit::Done)
}
