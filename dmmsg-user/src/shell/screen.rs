//! A terminal that shows what goes on, and the keys pressed on it.

use std::{
    future,
    io::{IsTerminal as _, stdin, stdout},
    thread,
};

use anyhow::{Context as _, Result};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyModifiers},
};
use thiserror::Error;
use tokio::sync::mpsc;

use super::{hold_back, release, say};
use crate::engine::{
    render::top::{Status, draw},
    top::{Order, Top},
};

/// Keys pressed and not yet looked at.
const KEYS: usize = 16;

/// There is nothing to draw on.
#[derive(Clone, Copy, Debug, Error)]
#[error("--top needs a terminal: -o hist shows the same without one")]
pub struct NoTerminal;

/// What a key is pressed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To end the run.
    Quit,
    /// To order the rows.
    Order(Order),
    /// Nothing; the terminal has another size.
    Redraw,
}

/// The terminal, which is as it was once this is dropped, or the program panics.
///
/// Meanwhile, what people are told is held back.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
    keys: mpsc::Receiver<Key>,
}

impl Screen {
    /// Finds out whether there is a terminal to draw on.
    ///
    /// # Errors
    /// There is none.
    pub fn check() -> Result<(), NoTerminal> {
        if stdin().is_terminal() && stdout().is_terminal() { Ok(()) } else { Err(NoTerminal) }
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be set up.
    pub fn open() -> Result<Self> {
        let terminal = ratatui::try_init().context("set the terminal up")?;
        hold_back();
        let (sender, keys) = mpsc::channel(KEYS);
        let screen = Self { terminal, keys };
        // Never joined: it waits for a key for ever.
        let read = thread::Builder::new().name("keys".into()).spawn(move || read_keys(&sender));
        read.context("start the thread that reads keys")?;
        Ok(screen)
    }

    /// Draws all anew.
    ///
    /// # Errors
    /// The terminal cannot be written.
    pub fn draw(&mut self, top: &Top, status: &Status) -> Result<()> {
        let drawn = self.terminal.draw(|frame| draw(frame, top, status));
        drawn.map(drop).context("write to the terminal")
    }

    /// The next key.
    pub async fn key(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            // A signal still ends the run.
            None => future::pending().await,
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
        release();
    }
}

fn read_keys(keys: &mpsc::Sender<Key>) {
    loop {
        let key = match event::read() {
            Ok(event) => meaning(&event),
            Err(error) => return say(format_args!("keys have no effect: {error}")),
        };
        if key.is_some_and(|key| keys.blocking_send(key).is_err()) {
            return;
        }
    }
}

fn meaning(event: &Event) -> Option<Key> {
    let key = match event {
        Event::Resize(..) => return Some(Key::Redraw),
        Event::Key(key) => key,
        _ => return None,
    };
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char(pressed) => {
            let order = Order::ALL.iter().find(|(_, key)| *key == pressed);
            order.map(|(order, _)| Key::Order(*order))
        }
        _ => None,
    }
}
