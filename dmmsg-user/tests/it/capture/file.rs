//! Captures in memory, written and read whole.

use dmmsg::engine::{
    capture::{CaptureError, Decoder, Encoder, End, Part, Start},
    clock::Anchor,
    enrich::{Answer, Answers as _, Question, Sender},
};
use dmmsg_common::stats::Counters;

use crate::sample::Sample;

/// 2026-11-24T14:03:07Z.
pub const ANCHOR: Anchor = Anchor { wall_ns_at_boot_zero: 1_795_528_987_000_000_000 };

pub fn start() -> Start {
    Start {
        anchor: ANCHOR,
        utc_offset_s: 3600,
        lost_before: 0,
        kernel: b"6.12.9".to_vec(),
        program: b"dmmsg-trace 0.1.0".to_vec(),
    }
}

/// Something to put into a capture, and what is to come out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Start(Start),
    /// A record, and what was known of its sender.
    Record(Vec<u8>, Answer),
    Lost(u64),
    End(End),
    Skipped,
}

impl Entry {
    /// A record, of whose sender only executable and cgroup are known.
    pub fn record(record: Vec<u8>, exe: Option<Vec<u8>>, cgroup: Option<Vec<u8>>) -> Self {
        Self::Record(record, Answer { exe, cgroup, ..Answer::default() })
    }

    fn of(part: Part<'_>) -> Self {
        match part {
            Part::Start(start) => Self::Start(start),
            Part::Record(record, mut known) => {
                assert!(record.as_ptr().addr().is_multiple_of(8), "records start at whole words");
                Self::Record(record.to_vec(), known.answer(&QUESTION).into())
            }
            Part::Lost(total) => Self::Lost(total),
            Part::End(end) => Self::End(end),
            Part::Skipped => Self::Skipped,
        }
    }

    pub fn add_to(&self, encoder: &mut Encoder) {
        match self {
            Self::Record(record, answer) => encoder.record(record, Some(&answer.context())),
            Self::Lost(total) => encoder.lost(*total),
            other => panic!("{other:?} is not for a test to add"),
        }
    }
}

const QUESTION: Question = Question {
    sender: Sender { pid: 0, uid: 0, comm: [0; 16], cgroup_id: 0 },
    boot_ns: 0,
    hangs_in: None,
};

/// A capture of `entries`, with frames of at most so many of them, and the account at its end.
pub fn capture(entries: &[Entry], entries_per_frame: usize) -> Vec<u8> {
    capture_of(entries, entries_per_frame, &account(entries))
}

/// The same, where the kernel's account is another.
pub fn capture_of(entries: &[Entry], entries_per_frame: usize, run: &Counters) -> Vec<u8> {
    let mut encoder = Encoder::new(start(), None);
    for frame in entries.chunks(entries_per_frame) {
        for entry in frame {
            entry.add_to(&mut encoder);
        }
        encoder.end_frame();
    }
    encoder.end(run);
    encoder.ready().flat_map(|piece| piece.bytes).collect()
}

/// The kernel's account where every message was recorded or lost.
pub fn account(entries: &[Entry]) -> Counters {
    let records = entries.iter().filter(|entry| matches!(entry, Entry::Record(..)));
    let delivered = records.count() as u64;
    let losses =
        entries.iter().map(|entry| if let Entry::Lost(total) = entry { *total } else { 0 });
    let lost = losses.max().unwrap_or_default();
    Counters { hits: delivered + lost, delivered, lost, filtered: 0, over_budget: 0 }
}

/// What can be read of a file that comes in chunks, and why it was not read on.
pub fn read(file: &[u8], chunk_bytes: usize) -> (Vec<Entry>, Result<usize, CaptureError>) {
    let mut decoder = Decoder::default();
    let mut entries = Vec::new();
    for chunk in file.chunks(chunk_bytes) {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(part)) => entries.push(Entry::of(part)),
                Ok(None) => break,
                Err(error) => return (entries, Err(error)),
            }
        }
    }
    (entries, Ok(decoder.unread_bytes()))
}

/// A capture of so many messages, in many frames.
pub fn long(messages: u64) -> Vec<u8> {
    let record = |nth| {
        let sample = Sample::sent("raid", b"check").with(|head| head.call.seq = nth);
        Entry::record(sample.record(), None, None)
    };
    capture(&(0..messages).map(record).collect::<Vec<_>>(), 100)
}
