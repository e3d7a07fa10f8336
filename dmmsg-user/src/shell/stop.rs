//! What ends a run before its reader has enough.

use std::{future, time::Duration};

use anyhow::{Context as _, Result};
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{self, Instant},
};

use super::facts;

/// How often dm_mod is looked at where it can be unloaded under the probes.
const MODULE_CHECK: Duration = Duration::from_millis(500);

/// The probes went away with the module they sat on.
#[derive(Clone, Copy, Debug, Error)]
#[error("dm_mod was unloaded, and the kprobes with it: start again, or use --probe fentry")]
pub struct ModuleGone;

/// A signal, the time that the run was given, or the end of dm_mod.
#[derive(Debug)]
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Caught so that writing beyond a limit of the file's size fails, and does not kill.
    _file_size: Signal,
    deadline: Option<Instant>,
    module: Option<u64>,
    module_gone: bool,
}

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP.
    ///
    /// # Errors
    /// The signals cannot be waited for.
    pub fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("wait for SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("wait for SIGTERM")?,
            hang_up: signal(SignalKind::hangup()).context("wait for SIGHUP")?,
            _file_size: signal(SignalKind::from_raw(libc::SIGXFSZ)).context("catch SIGXFSZ")?,
            deadline: None,
            module: None,
            module_gone: false,
        })
    }

    /// Also ends after `duration`, from now.
    pub fn after(&mut self, duration: Option<Duration>) {
        self.deadline = duration.and_then(|duration| Instant::now().checked_add(duration));
    }

    /// Also ends when this loading of dm_mod ends, which kprobes do not prevent.
    pub fn when_module_goes(&mut self, module: Option<u64>) {
        self.module = module;
    }

    /// Returns when the run ends.
    pub async fn wait(&mut self) {
        let Self { interrupt, terminate, hang_up, deadline, module, module_gone, .. } = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            () = passing(*deadline) => {}
            () = leaving(*module) => *module_gone = true,
        }
    }

    /// Whether the run ends within `duration`, which passes meanwhile.
    pub async fn within(&mut self, duration: Duration) -> bool {
        time::timeout(duration, self.wait()).await.is_ok()
    }

    /// Tells why the run ended where that is a failure.
    ///
    /// # Errors
    /// The module is gone.
    pub fn verdict(&self) -> Result<()> {
        if self.module_gone { Err(ModuleGone.into()) } else { Ok(()) }
    }
}

async fn passing(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => time::sleep_until(deadline).await,
        None => future::pending().await,
    }
}

/// Returns when another module, or none, stands where the one we know stood.
async fn leaving(module: Option<u64>) {
    if module.is_none() {
        future::pending::<()>().await;
    }
    while facts::dm_mod_instance() == module {
        time::sleep(MODULE_CHECK).await;
    }
}
