//! What `dmmsg-trace` is asked to do, by its command line.

use std::ffi::OsString;

use anyhow::{Context as _, Result};
use tokio::runtime;

use super::{
    attach::{CannotAttach, climb, counting, recording, wait_for_device_mapper},
    capture::{Target, WriteRefusal},
    cli,
    config::{Config, Format},
    count::Count,
    facts::{self, Host},
    replay::replay,
    run::Run,
    say,
    screen::{NoTerminal, Screen},
    sink::Sink,
    stop::Stop,
    verbs,
};
use crate::engine::{
    capture::CaptureError,
    doctor::Diagnosis,
    exit::Exit,
    plan::{Refusal, Rung},
};

/// Runs the program.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let config = match cli::parse(words) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let result = match (&config.read, config.verbs) {
        (_, Some(selection)) => verbs::list(selection, config.format),
        (Some(path), None) => with_runtime(replay(&config, path)),
        (None, None) if config.doctor => diagnose(&config),
        (None, None) => with_runtime(trace(&config)),
    };
    result.unwrap_or_else(|error| {
        say(format_args!("{error:#}"));
        exit_of(&error)
    })
}

fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<Refusal>() || error.is::<CannotAttach>() {
        Exit::Refused
    } else if error.is::<CaptureError>() {
        Exit::Invalid
    } else if error.is::<WriteRefusal>() || error.is::<NoTerminal>() {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// Runs to its end what needs a runtime.
pub(super) fn with_runtime(run: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start the runtime")?.block_on(run)
}

fn diagnose(config: &Config) -> Result<Exit> {
    let host = Host::look(true)?;
    let diagnosis = Diagnosis::of(&host.facts, config.probe);
    let mut sink = Sink::stdout();
    sink.lines().extend(diagnosis.to_string().bytes());
    let _ = sink.flush().context("write to standard output")?;
    Ok(if diagnosis.works() { Exit::Done } else { Exit::Refused })
}

async fn trace(config: &Config) -> Result<Exit> {
    if config.format == Format::Top {
        Screen::check()?;
    }
    let target = config.write.as_ref().map(|write| Target::open(write, None)).transpose()?;
    // After opening what may be a pipe that nobody has opened yet: that ends by a signal as it is.
    let mut stop = Stop::new()?;
    let Some((host, wanted)) = wait_for_device_mapper(config.probe, &mut stop).await? else {
        return Ok(Exit::Done);
    };
    // Before attaching, so that a module that goes meanwhile is missed.
    let module = facts::dm_mod_instance();
    let mut begin = |rung: Rung| {
        if rung == Rung::Kprobe {
            stop.when_module_goes(module);
        }
        say(format_args!("tracing by {}, Ctrl-C ends", rung.name()));
        stop.after(config.duration);
    };
    if config.is_counted_in_kernel() {
        let attach = |attachment, host: &_| counting(&config.filter, 0, attachment, host);
        let (probes, rung) = climb(config.probe, wanted, host, attach).context(CannotAttach)?;
        let run = Count::new(config, probes);
        begin(rung);
        return run.until(&mut stop).await;
    }
    let attach = |attachment, host: &_| recording(config, attachment, host);
    let ((probes, records), rung) =
        climb(config.probe, wanted, host, attach).context(CannotAttach)?;
    let mut run = Run::new(config, probes, records, target)?;
    // Before anybody is told that all is seen.
    run.follow_modules();
    begin(rung);
    run.until(&mut stop).await
}
