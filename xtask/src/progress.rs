//! Work that takes time says on standard error what it is doing.
//!
//! A step that ends within [`PATIENCE`] stays silent. A longer one shows itself: as a line that counts
//! seconds on a terminal, as one line at the start and one at the end anywhere else.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long work may stay silent.
const PATIENCE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_secs(1);

/// Does `work`, showing `what` while it lasts. Steps do not nest.
pub fn step<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (done, waiting) = mpsc::channel::<()>();
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || show(what, started, &waiting));
        let result = work();
        drop(done);
        result
    })
}

/// Says one thing at once.
pub fn note(text: &str) {
    // Standard error may be closed; the work goes on.
    let _ = writeln!(stderr(), "{text}");
}

fn show(what: &str, started: Instant, waiting: &mpsc::Receiver<()>) {
    let over = |time| waiting.recv_timeout(time) == Err(RecvTimeoutError::Disconnected);
    if over(PATIENCE) {
        return;
    }
    let terminal = stderr().is_terminal();
    if !terminal {
        note(&format!("{what} ..."));
    }
    while !over(TICK) {
        if terminal {
            let _ = write!(stderr(), "\r{what} ... {} s", started.elapsed().as_secs());
        }
    }
    let end = if terminal { "\r" } else { "" };
    note(&format!("{end}{what}: {:.1} s", started.elapsed().as_secs_f32()));
}
