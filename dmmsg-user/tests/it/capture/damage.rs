//! What is left of a capture that something happened to.

use dmmsg::engine::capture::{CaptureError, HEADER_BYTES, VERSION, is_capture};

use super::file::{Entry, capture, read};
use crate::sample::Sample;

fn small() -> Vec<u8> {
    let record = |text: &[u8], exe: &[u8]| {
        let record = Sample::sent("thin-pool", text).record();
        Entry::record(record, Some(exe.to_vec()), Some(b"/".to_vec()))
    };
    let entries = [
        record(b"create_thin 7", b"/usr/sbin/lvm"),
        record(b"delete 7", b"/usr/sbin/lvm"),
        Entry::Lost(3),
        record(b"delete 8", b"/usr/sbin/dmsetup"),
    ];
    capture(&entries, 1)
}

/// Where frames start, and where the last one ends.
fn frames(file: &[u8]) -> Vec<usize> {
    let mut starts = vec![HEADER_BYTES];
    while let Some(length) = file.get(starts[starts.len() - 1]..).and_then(|f| f.first_chunk()) {
        starts.push(starts[starts.len() - 1] + 16 + u32::from_le_bytes(*length) as usize);
    }
    starts
}

#[test]
fn a_file_that_is_cut_loses_the_torn_frame_alone() {
    let file = small();
    let (whole, _) = read(&file, 512);
    let frames = frames(&file);
    assert_eq!((frames.len(), frames.last()), (whole.len() + 1, Some(&file.len())));
    for length in 0..file.len() {
        let (entries, end) = read(&file[..length], 512);
        let ended = frames.iter().filter(|end| **end <= length).count().saturating_sub(1);
        assert_eq!(entries, whole[..ended], "cut to {length}");
        let left = length - frames[..=ended].iter().filter(|at| **at <= length).max().unwrap_or(&0);
        assert_eq!(end, Ok(left), "cut to {length}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let file = small();
    let (whole, _) = read(&file, 512);
    let frames = frames(&file);
    for bit in 0..8 * file.len() {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (entries, end) = read(&damaged, 512);
        let before = frames[1..].iter().filter(|end| **end <= bit / 8).count();
        assert_eq!(entries, whole[..before], "bit {bit}");
        let offset = if bit / 8 < HEADER_BYTES { 0 } else { frames[before] as u64 };
        let expected = match bit / 8 {
            0..8 => CaptureError::NotACapture,
            _ => CaptureError::Checksum { offset },
        };
        assert_eq!(end, Err(expected), "bit {bit}");
    }
}

/// A header or a frame with a checksum that fits what was put there.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let (head, rest) = bytes.split_at(12);
    [head, &crc32fast::hash(head).to_le_bytes(), rest.get(4..).unwrap_or_default()].concat()
}

fn frame(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.extend(kind.to_le_bytes());
    frame.extend(flags.to_le_bytes());
    frame.extend(crc32fast::hash(payload).to_le_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    sealed(&frame)
}

#[test]
fn another_version_is_refused() {
    let mut file = small();
    file[8] = 2;
    let file = [&sealed(&file[..HEADER_BYTES]), &file[HEADER_BYTES..]].concat();
    let error = read(&file, 512).1.unwrap_err();
    assert_eq!(error, CaptureError::Version { got: 2 });
    let text =
        format!("the capture has version 2 of the format, this program reads version {VERSION}");
    assert_eq!(error.to_string(), text);
    assert!(is_capture(&file));
}

#[test]
fn what_is_no_capture_is_seen_at_once() {
    for file in [&b"x"[..], b"\x89PNG\r\n\x1a\n", b"TIME  PID"] {
        assert_eq!(read(file, 1), (vec![], Err(CaptureError::NotACapture)));
        assert!(!is_capture(file));
    }
}

/// Puts a frame behind the capture's start.
fn with(frame: &[u8]) -> (Vec<u8>, u64) {
    let file = small();
    let at = frames(&file)[1];
    ([&file[..at], frame, &file[at..]].concat(), at as u64)
}

#[test]
fn frames_of_a_newer_version() {
    let (file, _) = with(&frame(900, 0, b"whatever"));
    let (mut entries, end) = read(&file, 512);
    assert_eq!((entries.remove(1), end), (Entry::Skipped, Ok(0)));
    assert_eq!(entries, read(&small(), 512).0);

    let (file, offset) = with(&frame(900, 1, b"whatever"));
    let (entries, end) = read(&file, 512);
    assert_eq!((entries.len(), end), (1, Err(CaptureError::Unknown { offset, kind: 900 })));
}

#[test]
fn items_of_a_newer_version() {
    let item = |flags| [&[5, 0, 0, 0, 77, flags, 0, 0], &b"hello\0\0\0"[..]].concat();
    let (file, _) = with(&frame(2, 1, &item(0)));
    let (entries, end) = read(&file, 512);
    assert_eq!((&entries[1], end), (&Entry::Skipped, Ok(0)));

    let (file, offset) = with(&frame(2, 1, &item(1)));
    assert_eq!(read(&file, 512).1, Err(CaptureError::Unknown { offset, kind: 77 }));
}

#[test]
fn frames_that_cannot_be() {
    let record_without_context = [8, 0, 0, 0, 1, 1, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let cut_context = [8, 0, 0, 0, 2, 1, 0, 0, 1, 9, 0, 4, 5, 6, 7, 8];
    let far_context = [8, 0, 0, 0, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let long_context = [&65_544_u32.to_le_bytes()[..], &[2, 1, 0, 0], &vec![0; 65_544]].concat();
    let long_item = [9, 0, 0, 0, 1, 1, 255, 255, 1, 2, 3, 4, 5, 6, 7, 8];
    let impossible_loss = [8, 0, 0, 0, 3, 1, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0xff];
    for frame in [
        frame(1, 1, &[0; 24]),
        frame(2, 1, &[0; 4]),
        frame(2, 1, &record_without_context),
        frame(2, 1, &cut_context),
        frame(2, 1, &far_context),
        frame(2, 1, &long_context),
        frame(2, 1, &long_item),
        frame(2, 1, &impossible_loss),
        frame(3, 1, &[0; 32]),
        frame(2, 0, &vec![0; (1 << 20) + 8]),
    ] {
        let (file, at) = with(&frame);
        let (entries, end) = read(&file, 512);
        assert!(
            matches!(end, Err(CaptureError::Malformed { offset, .. }) if offset == at),
            "{end:?}"
        );
        assert_eq!(entries.len(), 1);
    }
}
