//! Reads captures, from bytes as they come.

use std::mem;

use bytes::Buf;
use dmmsg_common::{
    record::{ABI, RecordHeader},
    stats::Counters,
};
use zerocopy::FromBytes as _;

use super::{
    CaptureError, End, Start, context,
    encode::start_tag,
    field::{fields, is_whole},
    frame::{self, HEAD_BYTES, HEADER_BYTES, REQUIRED, check_header, may_become_capture},
    item::{self, CONTEXT_MAX, NO_SLOT, RECORD_MAX, SLOTS},
    window::Window,
};
use crate::engine::{
    clock::Anchor,
    enrich::{Answers, Context, Question},
    tally::COUNT_MAX,
};

/// A part of a capture.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// What comes first.
    Start(Start),
    /// A record, at a whole word of memory, and what was known of its sender.
    Record(&'a [u8], Known<'a>),
    /// So many messages had been lost since the run began.
    Lost(u64),
    /// What comes last.
    End(End),
    /// Something of a newer version that can be done without.
    Skipped,
}

/// What was known of a sender when its message was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known<'a>(&'a [u8]);

impl Answers for Known<'_> {
    fn answer(&mut self, _question: &Question) -> Context<'_> {
        context::read(self.0)
    }
}

/// Reads a capture from bytes that it is handed piece by piece; keeps one frame at most of them.
#[derive(Debug, Default)]
pub struct Decoder {
    window: Window,
    /// Where the frame starts whose items are being read, or the next one.
    offset: u64,
    state: State,
    /// Bytes of the frame whose items are being read, and how many of them are still to be read.
    frame_bytes: usize,
    items_bytes: usize,
    contexts: Vec<Vec<u8>>,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Header,
    Start,
    Items,
    Over,
}

/// What came of looking at the bytes that are there.
enum Step {
    Done,
    Found(Found),
    NeedsMore,
}

/// A part, as places in the window.
enum Found {
    Start(Start),
    Record { at: usize, bytes: usize, slot: u16 },
    Lost(u64),
    End(End),
    Skipped,
}

impl Decoder {
    /// Takes the next bytes of the capture.
    pub fn push(&mut self, bytes: &[u8]) {
        self.window.push(bytes);
    }

    /// The next part; `None` if more bytes are needed for it.
    ///
    /// # Errors
    /// The capture cannot be read on; asking again gives no part either.
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows from it")]
    pub fn next(&mut self) -> Result<Option<Part<'_>>, CaptureError> {
        Ok(match self.find()? {
            None => None,
            Some(Found::Start(start)) => Some(Part::Start(start)),
            Some(Found::Lost(total)) => Some(Part::Lost(total)),
            Some(Found::End(end)) => Some(Part::End(end)),
            Some(Found::Skipped) => Some(Part::Skipped),
            Some(Found::Record { at, bytes, slot }) => {
                let record = self.window.bytes().get(at..at + bytes).unwrap_or_default();
                let known = self.contexts.get(usize::from(slot)).map_or(&[][..], Vec::as_slice);
                Some(Part::Record(record, Known(known)))
            }
        })
    }

    /// Bytes at the end that are no whole frame.
    pub fn unread_bytes(&self) -> usize {
        self.window.bytes().len()
    }

    /// Whether so little was there that it may be no capture at all.
    pub fn is_without_header(&self) -> bool {
        self.state == State::Header
    }

    fn find(&mut self) -> Result<Option<Found>, CaptureError> {
        loop {
            let step = match self.state {
                State::Header => self.header()?,
                _ if self.items_bytes > 0 => self.item()?,
                _ => self.frame()?,
            };
            match step {
                Step::Done => {}
                Step::Found(found) => return Ok(Some(found)),
                Step::NeedsMore => return Ok(None),
            }
        }
    }

    fn header(&mut self) -> Result<Step, CaptureError> {
        let bytes = self.window.bytes();
        let Some(header) = bytes.first_chunk() else {
            let may_become = may_become_capture(bytes);
            return if may_become { Ok(Step::NeedsMore) } else { Err(CaptureError::NotACapture) };
        };
        check_header(header)?;
        self.state = State::Start;
        self.leave(HEADER_BYTES);
        Ok(Step::Done)
    }

    /// Takes the next frame; of one with items, only its head.
    fn frame(&mut self) -> Result<Step, CaptureError> {
        let read = mem::take(&mut self.frame_bytes);
        self.leave(read);
        let bytes = self.window.bytes();
        let Some(head) = bytes.first_chunk() else { return Ok(Step::NeedsMore) };
        let wrong = CaptureError::Checksum { offset: self.offset };
        let head = frame::Head::read(head).ok_or(wrong)?;
        if !head.is_possible() {
            return Err(self.malformed("a frame has an impossible length"));
        }
        let end = HEAD_BYTES + head.payload_bytes;
        let Some(payload) = bytes.get(HEAD_BYTES..end) else { return Ok(Step::NeedsMore) };
        if !head.fits(payload) {
            return Err(wrong);
        }
        let (step, state) = match (self.state, head.kind) {
            (State::Start, frame::kind::START) => {
                let start = read_start(payload).ok_or(self.malformed("its start is wrong"))?;
                (Step::Found(Found::Start(start)), State::Items)
            }
            (State::Items, frame::kind::ITEMS) => {
                self.items_bytes = head.payload_bytes;
                (Step::Done, State::Items)
            }
            (State::Items, frame::kind::END) => {
                let end = read_end(payload).ok_or(self.malformed("its end is wrong"))?;
                (Step::Found(Found::End(end)), State::Over)
            }
            (_, frame::kind::START | frame::kind::ITEMS | frame::kind::END) => {
                return Err(self.malformed("a frame stands where none of its kind may"));
            }
            (_, kind) if head.flags & REQUIRED != 0 => {
                return Err(CaptureError::Unknown { offset: self.offset, kind });
            }
            (state, _) => (Step::Found(Found::Skipped), state),
        };
        self.state = state;
        self.frame_bytes = end;
        Ok(step)
    }

    /// Takes the next item of the frame; a context is no part of its own.
    fn item(&mut self) -> Result<Step, CaptureError> {
        let from = self.frame_bytes - self.items_bytes;
        let mut rest = self.window.bytes().get(from..self.frame_bytes).unwrap_or_default();
        let Some((head, body)) = item::Head::take(&mut rest) else {
            return Err(self.malformed("an item is not all there"));
        };
        let found = match head.kind {
            item::kind::RECORD => {
                let has_context = usize::from(head.slot) < self.contexts.len();
                if body.len() > RECORD_MAX || !(has_context || head.slot == NO_SLOT) {
                    return Err(self.malformed("a record is too long, or its context missing"));
                }
                if let Some(got) = other_layout(body) {
                    return Err(CaptureError::Records { got });
                }
                let at = from + item::HEAD_BYTES;
                Some(Found::Record { at, bytes: body.len(), slot: head.slot })
            }
            item::kind::CONTEXT => {
                if !keep(&mut self.contexts, head.slot, body) {
                    return Err(self.malformed("a context is cut or too long, or has no slot"));
                }
                None
            }
            item::kind::LOST => {
                let mut body = body;
                let total = count(&mut body).ok_or(self.malformed("a loss is no count"))?;
                Some(Found::Lost(total))
            }
            kind if head.is_required() => {
                return Err(CaptureError::Unknown { offset: self.offset, kind: kind.into() });
            }
            _ => Some(Found::Skipped),
        };
        self.items_bytes = rest.len();
        Ok(found.map_or(Step::Done, Step::Found))
    }

    fn leave(&mut self, bytes: usize) {
        self.window.leave(bytes);
        self.offset += bytes as u64;
    }

    const fn malformed(&self, what: &'static str) -> CaptureError {
        CaptureError::Malformed { offset: self.offset, what }
    }
}

/// Puts a context in its slot, if it is whole, not too long, and the slots before are taken.
fn keep(contexts: &mut Vec<Vec<u8>>, slot: u16, context: &[u8]) -> bool {
    let index = usize::from(slot);
    let is_short = context.len() <= CONTEXT_MAX;
    if slot >= SLOTS || index > contexts.len() || !is_short || !is_whole(context) {
        return false;
    }
    match contexts.get_mut(index) {
        Some(old) => context.clone_into(old),
        None => contexts.push(context.to_vec()),
    }
    true
}

/// The version of a record's layout, if the record is whole and of another version than ours.
///
/// What is no record at all was no record for the run either, and is told of as such.
fn other_layout(record: &[u8]) -> Option<u16> {
    let (header, _) = RecordHeader::read_from_prefix(record).ok()?;
    let is_whole = usize::try_from(header.size) == Ok(record.len());
    Some(header.abi).filter(|abi| is_whole && *abi != ABI)
}

/// Takes a number of messages; `None` if it is not there, or none that can be.
fn count(bytes: &mut &[u8]) -> Option<u64> {
    bytes.try_get_u64_le().ok().filter(|count| *count <= COUNT_MAX)
}

fn read_start(mut payload: &[u8]) -> Option<Start> {
    let mut start = Start {
        anchor: Anchor { wall_ns_at_boot_zero: payload.try_get_i64_le().ok()? },
        lost_before: count(&mut payload)?,
        utc_offset_s: payload.try_get_i32_le().ok()?,
        kernel: Vec::new(),
        program: Vec::new(),
    };
    for field in fields(payload) {
        match field? {
            (start_tag::KERNEL, value) => start.kernel = value.to_vec(),
            (start_tag::PROGRAM, value) => start.program = value.to_vec(),
            _ => {}
        }
    }
    Some(start)
}

fn read_end(mut payload: &[u8]) -> Option<End> {
    let account = Counters {
        hits: count(&mut payload)?,
        delivered: count(&mut payload)?,
        lost: count(&mut payload)?,
        filtered: count(&mut payload)?,
        over_budget: count(&mut payload)?,
    };
    Some(End { account, goes_on: payload.try_get_u64_le().ok()? & 1 != 0 })
}
