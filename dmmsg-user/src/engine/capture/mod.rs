//! The capture format: a run's records, and all else that showing them depends on, as a file.
//!
//! A capture is written and read front to back, in frames that carry checksums. Its layout, byte by
//! byte, is in `docs/capture.md`.

mod context;
mod decode;
mod encode;
mod field;
mod frame;
mod item;
mod window;

use dmmsg_common::{record::ABI, stats::Counters};
use thiserror::Error;

pub use self::{
    decode::{Decoder, Known, Part},
    encode::{Encoder, Piece},
    frame::{HEADER_BYTES, VERSION, is_capture},
};
use super::clock::Anchor;

/// What a capture says of itself before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Where the boot clock stood when the run began.
    pub anchor: Anchor,
    /// How far local time was ahead of UTC, in seconds.
    pub utc_offset_s: i32,
    /// Messages that the run had lost before this file began; 0 in a run's first file.
    pub lost_before: u64,
    /// The kernel's release.
    pub kernel: Vec<u8>,
    /// The program that wrote the capture, and its version.
    pub program: Vec<u8>,
}

/// What a capture says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The account of this file: [`Counters::delivered`] are the records in it.
    pub account: Counters,
    /// Whether the run goes on in another file.
    pub goes_on: bool,
}

/// Why a file cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CaptureError {
    /// The file starts like none of ours.
    #[error("not a capture of dmmsg")]
    NotACapture,
    /// Another version of the format.
    #[error("the capture has version {got} of the format, this program reads version {VERSION}")]
    Version {
        /// The capture's version.
        got: u32,
    },
    /// Another version of the layout of records.
    #[error("the capture has records of layout {got}, this program reads {ABI}")]
    Records {
        /// The records' version.
        got: u16,
    },
    /// A checksum does not fit.
    #[error("the capture is damaged at byte {offset}: a checksum does not fit")]
    Checksum {
        /// Where the damaged header or frame starts.
        offset: u64,
    },
    /// A frame is not what its kind says, though its checksum fits.
    #[error("the capture is malformed at byte {offset}: {what}")]
    Malformed {
        /// Where the frame starts.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something that a reader must know to read on, and this one does not.
    #[error(
        "the frame at byte {offset} needs a newer dmmsg: it holds kind {kind}, unknown to this one"
    )]
    Unknown {
        /// Where the frame starts.
        offset: u64,
        /// The kind of the frame, or of the item in it.
        kind: u16,
    },
}
