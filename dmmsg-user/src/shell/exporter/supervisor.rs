//! What systemd is told; all of it is nothing where there is no systemd.

use std::{future, time::Duration};

use sd_notify::NotifyState;
use tokio::time;

use crate::shell::say;

/// Says that we serve.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// Says that we stop.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says now and then that we are alive, if that is waited for; never ends.
///
/// It runs on the thread that serves, so that it ends when serving does.
pub async fn feed_watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return future::pending().await;
    };
    loop {
        tell(NotifyState::Watchdog);
        time::sleep((patience / 2).max(Duration::from_millis(10))).await;
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        say(format_args!("systemd cannot be told: {error}"));
    }
}
