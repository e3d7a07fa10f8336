//! The files that a capture is written to.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, IsTerminal as _, Read as _, Write as _, stdout},
    os::{
        fd::AsFd as _,
        unix::{
            ffi::OsStrExt as _,
            fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use thiserror::Error;

use crate::{
    engine::{
        capture::{HEADER_BYTES, Piece, is_capture},
        names::escape::escaped,
    },
    shell::config::{Rotate, Write},
};

/// Why nothing is written where the user said.
#[derive(Clone, Debug, Error)]
pub enum WriteRefusal {
    /// Somebody may want to keep it.
    #[error("{0} is not a capture and would be overwritten: remove it or give another file")]
    NotACapture(String),
    /// Nobody could read the terminal any more.
    #[error("a capture is not for a terminal: redirect standard output or give -w a file")]
    Terminal,
    /// Reading would meet what was just written.
    #[error("{0} is the capture that is read, and would be lost: give -w another file")]
    SameFile(String),
    /// Two runs would mix.
    #[error("{0} is being written by another dmmsg-trace: give -w another file")]
    Locked(String),
    /// Pipes and devices have no size.
    #[error("{0} is no regular file, as --rotate needs")]
    NotRegular(String),
}

/// Where a capture goes; a new file to which nothing was written goes with this.
#[derive(Debug)]
pub struct Target {
    file: File,
    /// `None` for standard output.
    path: Option<PathBuf>,
    rotate: Option<Rotate>,
    is_regular: bool,
    /// The file was made by this run, and nothing has been written to it.
    is_unused: bool,
    /// Bytes up to the end of the last whole piece.
    good_bytes: u64,
}

impl Target {
    /// Opens a file, or finds standard output, and leaves what is there as it is.
    ///
    /// `source` is the file that is read meanwhile: neither it nor a file that rotation moves.
    ///
    /// # Errors
    /// The file cannot be opened, or is one that must be left alone.
    pub fn open(write: &Write, source: Option<&File>) -> Result<Self> {
        let Write { path, rotate } = write;
        if write.is_stdout() {
            return Self::stdout();
        }
        let what = || format!("write {}", shown(path));
        let (file, is_new) = open_or_create(path).with_context(what)?;
        let is_regular = file.metadata().with_context(what)?.is_file();
        if is_regular {
            lock(&file, path)?;
        }
        // Ours from here on: if the run is refused after all, a new one goes.
        let target = Self {
            file,
            path: Some(path.clone()),
            rotate: *rotate,
            is_regular,
            is_unused: is_new && is_regular,
            good_bytes: 0,
        };
        if is_regular {
            let older = (1..rotate.map_or(1, |rotate| rotate.keep)).map(|nth| numbered(path, nth));
            for path in older.chain([path.clone()]) {
                check(&path, source).with_context(what)??;
            }
        } else if rotate.is_some() {
            return Err(WriteRefusal::NotRegular(shown(path)).into());
        }
        Ok(target)
    }

    fn stdout() -> Result<Self> {
        if stdout().is_terminal() {
            return Err(WriteRefusal::Terminal.into());
        }
        let fd = stdout().as_fd().try_clone_to_owned().context("take standard output")?;
        Ok(Self {
            file: File::from(fd),
            path: None,
            rotate: None,
            is_regular: false,
            is_unused: false,
            good_bytes: 0,
        })
    }

    /// When to go on in another file.
    pub fn rotate(&self) -> Option<Rotate> {
        self.rotate
    }

    /// What people call it.
    pub fn name(&self) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("standard output"));
        shown(path)
    }

    /// Writes a piece; of one that cannot be written whole, nothing stays in a file.
    ///
    /// # Errors
    /// The files cannot be moved or written.
    pub fn write(&mut self, piece: &Piece) -> io::Result<()> {
        self.is_unused = false;
        if piece.starts_file {
            self.start_file()?;
        }
        let written = self.file.write_all(&piece.bytes);
        if written.is_ok() {
            self.good_bytes += piece.bytes.len() as u64;
        } else if self.is_regular {
            // If even that fails, a reader still finds the torn frame.
            let _ = self.file.set_len(self.good_bytes);
        }
        written
    }

    /// Makes an empty file: of the one that is there or, when rotating, of none.
    fn start_file(&mut self) -> io::Result<()> {
        let Some(path) = self.path.as_deref().filter(|_| self.is_regular) else { return Ok(()) };
        match self.rotate {
            Some(Rotate { keep, .. }) if self.file.metadata()?.len() > 0 => {
                shift(path, keep)?;
                self.file = create(path)?;
                // What just came to be is nobody else's.
                let _ = self.file.try_lock();
            }
            _ => self.file.set_len(0)?,
        }
        self.good_bytes = 0;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let (true, Some(path)) = (self.is_unused, &self.path) {
            // At worst an empty file stays, which the next run takes.
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens a file for writing, and tells whether it is new.
fn open_or_create(path: &Path) -> io::Result<(File, bool)> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => return created.map(|file| (file, true)),
    }
    let is_pipe = fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    // A pipe that we could also read would never be closed.
    // What is there may be a link to a file that is not.
    let file = owners_alone().read(!is_pipe).create(!is_pipe).open(path)?;
    Ok((file, false))
}

/// Makes a file.
fn create(path: &Path) -> io::Result<File> {
    owners_alone().read(true).create_new(true).open(path)
}

/// To write a file that is the owner's alone if it is new, since it tells who did what.
fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(WriteRefusal::Locked(shown(path)).into()),
        // Where files cannot be locked, nobody is kept away.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Refuses to overwrite or move what is at a path, unless that is nothing, or a capture, or what was
/// to become one, and not what is read meanwhile.
fn check(path: &Path, source: Option<&File>) -> io::Result<Result<(), WriteRefusal>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(())),
        opened => opened?,
    };
    let identity = |file: &File| file.metadata().map(|of| (of.dev(), of.ino()));
    if let Some(source) = source
        && identity(source)? == identity(&file)?
    {
        return Ok(Err(WriteRefusal::SameFile(shown(path))));
    }
    let mut start = Vec::new();
    file.take(HEADER_BYTES as u64).read_to_end(&mut start)?;
    let is_ours = start.is_empty() || is_capture(&start);
    Ok(if is_ours { Ok(()) } else { Err(WriteRefusal::NotACapture(shown(path))) })
}

/// A path as people are told it.
fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_bytes())
}

/// `FILE.1`, `FILE.2` and so on.
fn numbered(path: &Path, nth: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{nth}"));
    name.into()
}

/// Gives every file the next number, so that there are `keep` of them once another is made.
fn shift(path: &Path, keep: u32) -> io::Result<()> {
    let name = |nth| if nth == 0 { path.to_owned() } else { numbered(path, nth) };
    for nth in (0..keep - 1).rev() {
        match fs::rename(name(nth), name(nth + 1)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    Ok(())
}
