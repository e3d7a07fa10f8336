//! A capture: whatever it is, it is read the same in one piece or many, and written as it was read.

use dmmsg::engine::{
    capture::{CaptureError, Decoder, Encoder, HEADER_BYTES, Part, Start},
    enrich::{Answer, Answers as _, Question, Sender},
};
use dmmsg_common::stats::Counters;

use crate::record::Outputs;

/// Bytes before a frame's payload.
const HEAD_BYTES: usize = 16;

/// Bytes of a small piece of a file: no whole number of words, and most often no whole frame.
const CHUNK_BYTES: usize = 101;

/// What was read of a capture.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    start: Option<Start>,
    parts: Vec<Owned>,
    end: Option<Counters>,
    error: Option<CaptureError>,
}

#[derive(Debug, PartialEq, Eq)]
enum Owned {
    Record(Vec<u8>, Answer),
    Lost(u64),
}

const QUESTION: Question = Question {
    sender: Sender { pid: 0, uid: 0, comm: [0; 16], cgroup_id: 0 },
    boot_ns: 0,
    hangs_in: None,
};

fn read(file: &[u8], chunk_bytes: usize, mut outputs: Option<&mut Outputs>) -> Contents {
    let mut decoder = Decoder::default();
    let mut contents = Contents::default();
    for chunk in file.chunks(chunk_bytes) {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(Part::Start(start))) => contents.start = Some(start),
                Ok(Some(Part::End(end))) => contents.end = Some(end.account),
                Ok(Some(Part::Skipped)) => {}
                Ok(Some(Part::Lost(total))) => contents.parts.push(Owned::Lost(total)),
                Ok(Some(Part::Record(record, mut known))) => {
                    if let Some(outputs) = &mut outputs {
                        outputs.show(record, &mut known);
                    }
                    let answer = known.answer(&QUESTION).into();
                    contents.parts.push(Owned::Record(record.to_vec(), answer));
                }
                Err(error) => {
                    contents.error = Some(error);
                    return contents;
                }
            }
        }
    }
    contents
}

/// Reads the bytes as a capture, as they are and with checksums that fit.
///
/// # Panics
/// The capture is read in different ways, or not as it was written.
pub fn run(data: &[u8]) {
    check(data);
    check(&sealed(data));
}

fn check(file: &[u8]) {
    let mut outputs = Outputs::default();
    let whole = read(file, file.len().max(1), Some(&mut outputs));
    outputs.end();
    assert_eq!(read(file, CHUNK_BYTES, None), whole, "chunks make no difference");
    let Some(start) = &whole.start else { return };
    let copy = written(start, &whole.parts);
    let again = read(&copy, copy.len(), None);
    assert_eq!((again.error, again.start.as_ref()), (None, Some(start)));
    assert_eq!(again.parts, whole.parts, "what is written is read");
}

fn written(start: &Start, parts: &[Owned]) -> Vec<u8> {
    let mut encoder = Encoder::new(start.clone(), None);
    for part in parts {
        match part {
            Owned::Lost(total) => encoder.lost(*total),
            Owned::Record(record, answer) => encoder.record(record, Some(&answer.context())),
        }
    }
    encoder.end(&Counters::default());
    encoder.ready().flat_map(|piece| piece.bytes).collect()
}

/// The same bytes, with the checksums that a writer would have put there: no fuzzer guesses them.
fn sealed(data: &[u8]) -> Vec<u8> {
    let mut file = data.to_vec();
    seal(file.get_mut(..HEADER_BYTES).unwrap_or_default());
    let mut rest = file.get_mut(HEADER_BYTES..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_mut_checked(HEAD_BYTES) {
        let length = head.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        if let (Some(payload), Some(checksum)) = (after.get(..length), head.get_mut(8..12)) {
            checksum.copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        }
        seal(head);
        rest = after.get_mut(length..).unwrap_or_default();
    }
    file
}

/// Ends 16 bytes with the checksum of the first 12.
fn seal(bytes: &mut [u8]) {
    if let Some((data, checksum)) = bytes.split_at_mut_checked(12)
        && checksum.len() == 4
    {
        checksum.copy_from_slice(&crc32fast::hash(data).to_le_bytes());
    }
}
