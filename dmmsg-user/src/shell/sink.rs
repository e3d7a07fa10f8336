//! Standard output, as blocks of whole lines.

use std::io::{self, ErrorKind, StdoutLock, Write};

/// Collects rendered lines until the caller says that they should be seen.
#[derive(Debug)]
pub struct Sink {
    stdout: StdoutLock<'static>,
    lines: Vec<u8>,
}

/// Whether anybody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reader {
    /// The lines were taken.
    Listens,
    /// The pipe is closed: the run is over, and that is no failure.
    Gone,
}

impl Sink {
    /// Takes standard output for as long as the sink lives.
    pub fn stdout() -> Self {
        Self { stdout: io::stdout().lock(), lines: Vec::with_capacity(64 << 10) }
    }

    /// The lines not yet written, to append to.
    pub const fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    /// Writes what was collected.
    ///
    /// # Errors
    /// Writing failed for another reason than a closed pipe.
    pub fn flush(&mut self) -> io::Result<Reader> {
        let written = self.stdout.write_all(&self.lines).and_then(|()| self.stdout.flush());
        self.lines.clear();
        match written {
            Ok(()) => Ok(Reader::Listens),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(error),
        }
    }
}
