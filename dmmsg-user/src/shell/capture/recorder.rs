//! What is shown, written to a capture as well.

use std::{
    collections::VecDeque,
    future,
    io::{self, ErrorKind},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use dmmsg_common::stats::Counters;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::Target;
use crate::{
    engine::{
        capture::{Encoder, Piece, Start},
        enrich::Context,
    },
    shell::say,
};

/// How long items lie at most before they are handed to the writer.
const LIE: Duration = Duration::from_millis(100);
/// Pieces on their way to the writer.
const PIECES: usize = 16;

/// Writes a capture as long as that can be done.
#[derive(Debug)]
pub struct Recorder {
    running: Option<Running>,
    state: State,
}

/// How a capture fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being written, or is whole.
    Good,
    /// It could not be written on, and people were told.
    Failed,
    /// Nobody reads it any more.
    Unread,
}

#[derive(Debug)]
struct Running {
    encoder: Encoder,
    /// When the frame must be ended that items are added to.
    due: Option<Instant>,
    waiting: VecDeque<Piece>,
    channel: mpsc::Sender<Piece>,
    writer: JoinHandle<io::Result<()>>,
    /// What is written to, as people call it.
    name: String,
}

impl Recorder {
    /// Starts a capture.
    ///
    /// # Errors
    /// There cannot be another thread.
    pub fn begin(mut target: Target, start: Start) -> Result<Self> {
        let encoder = Encoder::new(start, target.rotate().map(|rotate| rotate.size.bytes()));
        let name = target.name();
        let (channel, mut pieces) = mpsc::channel::<Piece>(PIECES);
        let write = move || {
            while let Some(piece) = pieces.blocking_recv() {
                target.write(&piece)?;
            }
            Ok(())
        };
        let writer = thread::Builder::new().name("capture".into()).spawn(write);
        let writer = writer.context("start the thread that writes the capture")?;
        let waiting = VecDeque::new();
        let running = Running { encoder, due: None, waiting, channel, writer, name };
        Ok(Self { running: Some(running), state: State::Good })
    }

    /// How the capture fares.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether records are still taken.
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Adds a record, and what is known of its sender.
    pub fn record(&mut self, record: &[u8], context: Option<&Context<'_>>) {
        self.add(|encoder| encoder.record(record, context));
    }

    /// Adds the record of a message in flight, which the account does not count.
    pub fn aside(&mut self, record: &[u8], context: &Context<'_>) {
        self.add(|encoder| encoder.aside(record, context));
    }

    /// Adds that so many messages have been lost since the run began.
    pub fn lost(&mut self, total: u64) {
        self.add(|encoder| encoder.lost(total));
    }

    /// Counts a message that nobody asked for.
    pub fn turn_away(&mut self) {
        if let Some(running) = &mut self.running {
            running.encoder.turn_away();
        }
    }

    fn add(&mut self, add: impl FnOnce(&mut Encoder)) {
        let Some(running) = &mut self.running else { return };
        add(&mut running.encoder);
        if !running.encoder.is_pending() {
            running.due = None;
        } else if running.due.is_none() {
            running.due = Some(Instant::now() + LIE);
        }
    }

    /// Hands what is ready to the writer, which may have to wait for it; may be dropped meanwhile.
    pub async fn flush(&mut self) {
        let Some(running) = &mut self.running else { return };
        if running.due.is_some_and(|due| due <= Instant::now()) {
            running.encoder.end_frame();
            running.due = None;
        }
        // A writer that failed while there was nothing to hand over has closed the channel.
        if running.hand_over().await.is_err() || running.channel.is_closed() {
            self.stop();
        }
    }

    /// Returns when [`Recorder::flush`] has something to do.
    pub async fn due(&self) {
        let Some(running) = &self.running else { return future::pending().await };
        tokio::select! {
            () = running.channel.closed() => {}
            () = async {
                match running.due {
                    Some(due) => sleep_until(due).await,
                    None => future::pending().await,
                }
            } => {}
        }
    }

    /// Ends the capture; `run` is the kernel's account of the run.
    pub async fn end(&mut self, run: &Counters) {
        if let Some(running) = &mut self.running {
            running.encoder.end(run);
            // Whether that went well, the writer says.
            let _ = running.hand_over().await;
            self.stop();
        }
    }

    /// Waits for the writer to end, and finds out how.
    fn stop(&mut self) {
        let Some(Running { channel, writer, name, .. }) = self.running.take() else { return };
        drop(channel);
        let why = match writer.join() {
            Ok(Ok(())) => return,
            Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => {
                self.state = State::Unread;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its thread panicked".to_owned(),
        };
        self.state = State::Failed;
        say(format_args!("the capture ends early, the run goes on: write {name}: {why}"));
    }
}

impl Running {
    async fn hand_over(&mut self) -> Result<(), mpsc::error::SendError<()>> {
        self.waiting.extend(self.encoder.ready());
        while !self.waiting.is_empty() {
            let place = self.channel.reserve().await?;
            if let Some(piece) = self.waiting.pop_front() {
                place.send(piece);
            }
        }
        Ok(())
    }
}
