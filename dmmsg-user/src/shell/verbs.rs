//! The vocabulary, on standard output.

use anyhow::{Context as _, Result};

use super::{config::Format, sink::Sink};
use crate::engine::{exit::Exit, targets::Selection};

/// Prints a part of the vocabulary; a closed pipe is no failure.
///
/// # Errors
/// Standard output cannot be written.
pub fn list(selection: Selection, format: Format) -> Result<Exit> {
    let mut sink = Sink::stdout();
    match format {
        Format::Table { .. } | Format::Top | Format::Hist { json: false, .. } => {
            selection.table(sink.lines());
        }
        Format::Json | Format::Hist { json: true, .. } => selection.json(sink.lines()),
    }
    let _ = sink.flush().context("write to standard output")?;
    Ok(Exit::Done)
}
