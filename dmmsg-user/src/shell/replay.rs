//! A capture, shown as the run that it was.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, stdin},
    os::{fd::AsFd as _, unix::ffi::OsStrExt as _},
    path::Path,
    thread,
};

use anyhow::{Context as _, Result};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::{
    capture::{Recorder, Target},
    config::{Config, is_stdio},
    say,
    stop::Stop,
    stream::{Source, Stream},
};
use crate::engine::{
    capture::{CaptureError, Decoder, End, Part, Start},
    exit::Exit,
    names::escape::escaped,
};

/// Bytes read in one go, before their lines are written and signals are looked at again.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that are read ahead.
const CHUNKS: usize = 4;

/// Shows a capture.
///
/// # Errors
/// It cannot be read, or what is shown cannot be written.
pub async fn replay(config: &Config, path: &Path) -> Result<Exit> {
    let (file, name) = if is_stdio(path) {
        let fd = stdin().as_fd().try_clone_to_owned().context("take standard input")?;
        (File::from(fd), "standard input".to_owned())
    } else {
        let name = escaped(path.as_os_str().as_bytes());
        (File::open(path).with_context(|| format!("read {name}"))?, name)
    };
    let target = config.write.as_ref().map(|write| Target::open(write, Some(&file)));
    let target = target.transpose()?;
    // After opening what may be a pipe that nobody has opened yet: that ends by a signal as it is.
    let mut stop = Stop::new()?;
    let chunks = read_ahead(file)?;
    let capture = Replay { name, chunks, decoder: Decoder::default(), skipped: 0 };
    capture.run(config, target, &mut stop).await
}

/// Reads in a thread of its own: nothing else can wait for a file and a signal at once.
fn read_ahead(mut file: impl Read + Send + 'static) -> Result<mpsc::Receiver<io::Result<Bytes>>> {
    let (chunks, receiver) = mpsc::channel(CHUNKS);
    let read = move || {
        loop {
            let mut chunk = BytesMut::zeroed(CHUNK_BYTES);
            let chunk = match file.read(&mut chunk) {
                Ok(0) => return,
                Ok(bytes) => Ok(chunk.split_to(bytes).freeze()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = chunk.is_err();
            if chunks.blocking_send(chunk).is_err() || is_last {
                return;
            }
        }
    };
    // Never joined: it may wait for a pipe for ever.
    let thread = thread::Builder::new().name("read-ahead".into()).spawn(read);
    thread.context("start the thread that reads the capture")?;
    Ok(receiver)
}

struct Replay {
    /// What people call the file.
    name: String,
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    decoder: Decoder,
    skipped: u64,
}

/// Why no more of a capture is read.
enum Over {
    /// The file is at its end.
    EndOfFile,
    /// Nobody wants more.
    Enough,
    /// The file cannot be read on.
    Broken(anyhow::Error),
}

impl Replay {
    async fn run(
        mut self,
        config: &Config,
        target: Option<Target>,
        stop: &mut Stop,
    ) -> Result<Exit> {
        let start = match self.start(stop).await {
            Ok(start) => start,
            Err(over) => return self.nothing(over),
        };
        say(format_args!(
            "reading a capture by {} on Linux {}",
            escaped(&start.program),
            escaped(&start.kernel)
        ));
        let recorder = target.map(|target| Recorder::begin(target, start.clone())).transpose()?;
        let mut stream = Stream::new(config, Source::Capture, &start, recorder);
        let (over, end) = self.show(&mut stream, stop).await;
        self.notes(&over, end);
        let kernel = end.map_or_else(|| stream.tally().what_was_read(), |end| end.account);
        let exit = stream.end(&kernel).await?;
        let what = self.what();
        match over {
            Over::Broken(error) => Err(error.context(what)),
            _ => Ok(exit),
        }
    }

    /// Reads up to the capture's start.
    async fn start(&mut self, stop: &mut Stop) -> Result<Start, Over> {
        loop {
            match self.decoder.next() {
                Ok(Some(Part::Start(start))) => return Ok(start),
                Ok(Some(_)) => self.skipped += 1,
                Ok(None) => self.more(stop).await?,
                Err(error) => return Err(Over::Broken(error.into())),
            }
        }
    }

    /// Shows all that follows; gives the capture's end, if it has one that was reached.
    async fn show(&mut self, stream: &mut Stream<'_>, stop: &mut Stop) -> (Over, Option<End>) {
        let mut end = None;
        let over = loop {
            if !stream.goes_on() {
                break Over::Enough;
            }
            match self.decoder.next() {
                Ok(Some(Part::Record(record, mut known))) => stream.take(record, &mut known),
                Ok(Some(Part::Lost(total))) => stream.take_lost(total),
                Ok(Some(Part::End(account))) => end = Some(account),
                Ok(Some(Part::Start(_) | Part::Skipped)) => self.skipped += 1,
                Ok(None) => {
                    stream.flush().await;
                    let more = tokio::select! {
                        more = self.more(stop) => more,
                        () = stream.due() => continue,
                    };
                    if let Err(over) = more {
                        break over;
                    }
                }
                Err(error) => break Over::Broken(error.into()),
            }
        };
        (over, end)
    }

    /// Waits for more of the file.
    async fn more(&mut self, stop: &mut Stop) -> Result<(), Over> {
        tokio::select! {
            chunk = self.chunks.recv() => match chunk {
                Some(Ok(chunk)) => {
                    self.decoder.push(&chunk);
                    Ok(())
                }
                Some(Err(error)) => {
                    Err(Over::Broken(error.into()))
                }
                None => Err(Over::EndOfFile),
            },
            () = stop.wait() => Err(Over::Enough),
        }
    }

    /// What failed, as errors say it.
    fn what(&self) -> String {
        format!("read {}", self.name)
    }

    /// Ends a replay of a file without a start.
    fn nothing(&self, over: Over) -> Result<Exit> {
        match over {
            Over::Broken(error) => Err(error.context(self.what())),
            Over::EndOfFile if self.decoder.is_without_header() => {
                Err(anyhow::Error::new(CaptureError::NotACapture).context(self.what()))
            }
            over => {
                self.notes(&over, None);
                Ok(Exit::Done)
            }
        }
    }

    /// Tells people what is odd about the file.
    fn notes(&self, over: &Over, end: Option<End>) {
        if self.skipped > 0 {
            say(format_args!("skipped what only a newer dmmsg knows: {} parts", self.skipped));
        }
        let torn = self.decoder.unread_bytes();
        match (over, end) {
            (Over::EndOfFile, _) if torn > 0 => {
                say(format_args!("capture ends in the middle of a frame: {torn} bytes ignored"));
            }
            (Over::EndOfFile, None) => {
                say(format_args!("capture has no end: the totals are of what is in it"));
            }
            (_, Some(End { goes_on: true, .. })) => {
                say(format_args!("the run goes on in a newer file"));
            }
            _ => {}
        }
    }
}
