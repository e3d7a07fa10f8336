//! What a run is to do, and how.

use std::{
    num::NonZeroU64,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::engine::{
    filter::Filter,
    groups::Split,
    plan::Probe,
    quantity::{FileSize, RingSize},
    targets::Selection,
};

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Diagnose this host instead of tracing.
    pub doctor: bool,
    /// Print this part of the vocabulary instead of tracing.
    pub verbs: Option<Selection>,
    /// How messages are shown.
    pub format: Format,
    /// Show histograms so often.
    pub intervals: Option<Intervals>,
    /// Which messages are shown.
    pub filter: Filter,
    /// End after this time.
    pub duration: Option<Duration>,
    /// End after this many messages.
    pub count: Option<NonZeroU64>,
    /// Which rung to attach on.
    pub probe: Probe,
    /// End with [`Exit::Lost`] if messages were lost.
    pub strict: bool,
    /// Size of the ring.
    pub ring: RingSize,
    /// After this time, a message that has not returned is told of.
    pub stuck: Duration,
    /// Show this capture instead of tracing; `-` is standard input.
    pub read: Option<PathBuf>,
    /// Write a capture.
    pub write: Option<Write>,
}

impl Config {
    /// Whether the kernel can count all that is wanted, so that no message needs a record.
    pub fn is_counted_in_kernel(&self) -> bool {
        let by_kind = matches!(self.format, Format::Hist { split, .. } if !split.by_device);
        by_kind && self.filter.is_open() && self.count.is_none() && self.write.is_none()
    }
}

/// Where a capture is written.
#[derive(Clone, Debug)]
pub struct Write {
    /// The file; `-` is standard output.
    pub path: PathBuf,
    /// When to go on in another file, and how many to keep.
    pub rotate: Option<Rotate>,
}

impl Write {
    /// Whether the capture takes the place of all other output.
    pub fn is_stdout(&self) -> bool {
        is_stdio(&self.path)
    }
}

/// How a capture is spread over files.
#[derive(Clone, Copy, Debug)]
pub struct Rotate {
    /// Size of each.
    pub size: FileSize,
    /// How many there are at most.
    pub keep: u32,
}

/// Whether a path stands for standard input or output.
pub fn is_stdio(path: &Path) -> bool {
    path == "-"
}

/// How messages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As a table for people.
    Table {
        /// With all that is known.
        wide: bool,
    },
    /// As one JSON object a line.
    Json,
    /// As a screen that is drawn anew each second.
    Top,
    /// As histograms of latency.
    Hist {
        /// What has a histogram of its own.
        split: Split,
        /// One JSON object a histogram, not bars.
        json: bool,
    },
}

/// When histograms are shown, other than at the end.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Time between them.
    pub every: Duration,
    /// End after so many.
    pub count: Option<NonZeroU64>,
}

impl Format {
    /// Whether the time of a target's own work is shown.
    pub const fn shows_handler(self) -> bool {
        match self {
            Self::Table { wide } => wide,
            Self::Json => true,
            Self::Hist { .. } | Self::Top => false,
        }
    }
}
