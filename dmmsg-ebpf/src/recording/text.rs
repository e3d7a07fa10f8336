//! Copies a message's text, without its secrets and before the kernel splits it.

use core::ffi::c_long;

use dmmsg_common::{
    dm::{MESSAGE_OFFSET, ioctl_header},
    record::{MessageHead, TEXT_MAX, flag, padded},
    secret::{NO_SECRET, Scan, may_name_key},
    verb::VERB_LEN,
};

use super::inflight::{InFlight, UNREAD};
use crate::{
    filter,
    kernel::memory::{Access, copy_bytes, copy_str, put, put_text, put_words, read, repeat},
    length::{Length, SCAN_MAX},
};

/// Words of a text that are read at entry; most texts are shorter.
///
/// `set_transaction_id 12 13` has 24 bytes.
const OPENING_WORDS: u32 = 4;

/// Finds the text in the kernel's copy of the ioctl's buffer, and reads it if it is short.
#[inline(always)]
pub fn locate<A: Access>(flight: &mut InFlight, param: u64, data_start: u32, param_size: u64) {
    flight.message = 0;
    flight.opening = UNREAD;
    // What an earlier message left here may have turned out a secret before anybody wiped it.
    forget(flight);
    let data_start = u64::from(data_start);
    let text_start = data_start + MESSAGE_OFFSET;
    if data_start < ioctl_header::DATA || text_start >= param_size {
        return;
    }
    flight.message = param + text_start;
    flight.limit = (param_size - text_start) as u32;
    let message = A::structure(param + data_start);
    flight.record.head.sector = A::word(&message, 0).unwrap_or(0);
    for index in 0..OPENING_WORDS {
        // A word that reaches past the buffer may not be readable, though its start is.
        if 8 * (index + 1) > flight.limit {
            return;
        }
        let offset = MESSAGE_OFFSET + u64::from(8 * index);
        let Some(word) = A::word(&message, offset) else { return };
        if index == 0 && may_name_key(word as u8) {
            return;
        }
        if let Some(length) = put_text(&mut flight.record.texts, 8 * index as usize, word) {
            flight.opening = 8 * index + length;
            return;
        }
    }
}

/// Wipes the start of a text of which nobody knows whether it is secret.
#[inline(always)]
pub fn forget(flight: &mut InFlight) {
    put_words(&mut flight.record.texts, &[0; OPENING_WORDS as usize]);
}

/// Completes the text in the record, and sets what is known of it.
///
/// `strict` as in [`dmmsg_common::secret`]. Returns whether the verb passes the user's filter.
#[inline(always)]
pub fn capture(flight: &mut InFlight, strict: bool) -> bool {
    if flight.message == 0 {
        flight.record.head.flags |= flag::MALFORMED;
        return !filter::wants_verb();
    }
    if strict || filter::wants_verb() || flight.opening == UNREAD {
        return capture_unread(flight, strict);
    }
    flight.record.head.text_bytes = flight.opening as u16;
    flight.record.head.text_len = flight.opening;
    true
}

/// Captures a text that is long, may hold a key, or is wanted for its verb.
#[inline(always)]
fn capture_unread(flight: &mut InFlight, strict: bool) -> bool {
    let first = read::<u8>(flight.message).unwrap_or(b'k');
    if strict || filter::wants_verb() || may_name_key(first) {
        // Nothing that was read before must stay behind a secret.
        forget(flight);
        scan(flight, strict);
        copy_scanned(flight);
        return filter::admits_verb(&flight.scan);
    }
    copy_plain(flight);
    true
}

/// Copies a text that cannot name a key.
#[inline(always)]
fn copy_plain(flight: &mut InFlight) {
    let room = flight.limit.min(TEXT_MAX as u32) + 1;
    let copied = copy_str(&mut flight.record.texts, 0, room, flight.message);
    if copied == 0 {
        return copy_to_the_end(flight);
    }
    flight.record.head.text_bytes = (copied - 1) as u16;
    flight.record.head.text_len = copied - 1;
    if copied == room && flight.limit > TEXT_MAX as u32 {
        measure(flight);
    } else if copied == room {
        flight.record.head.flags |= flag::MALFORMED;
    }
}

/// Copies a text whose copy with a NUL failed: it may end, without one, where memory ends.
#[inline(always)]
fn copy_to_the_end(flight: &mut InFlight) {
    let bytes = flight.limit.min(TEXT_MAX as u32);
    if copy_bytes(&mut flight.record.texts, 0, bytes, flight.message) {
        flight.record.head.text_bytes = bytes as u16;
        flight.record.head.text_len = bytes;
        flight.record.head.flags |= flag::MALFORMED;
    } else {
        flight.record.head.flags |= flag::UNREADABLE;
    }
}

/// Finds the length of a text of which `text_len` bytes are known to have no NUL.
#[inline(always)]
fn measure(flight: &mut InFlight) {
    let head = &mut flight.record.head;
    let length = Length::of(flight.message, head.text_len, flight.limit);
    head.text_len = length.bytes;
    head.flags |= length.flags;
}

/// A scan of a text, byte by byte.
struct Reading<'a> {
    flight: &'a mut InFlight,
    end: u32,
}

impl Reading<'_> {
    const OPEN: u32 = 0;
    const NUL: u32 = 1;
    const UNREADABLE: u32 = 2;
}

/// Finds verb and secret of a text where it stands, before any of it is copied for good.
#[inline(always)]
fn scan(flight: &mut InFlight, strict: bool) {
    flight.scan = Scan::new(strict);
    flight.record.head.flags |= flag::SCANNED;
    let bytes = flight.limit.min(SCAN_MAX);
    let mut reading = Reading { flight, end: Reading::OPEN };
    repeat(bytes, scan_byte, &mut reading);

    let Reading { flight, end } = reading;
    flight.record.head.text_len = flight.scan.length;
    if end == Reading::NUL {
        flight.scan.finish();
    } else if end == Reading::UNREADABLE {
        flight.scan.abandon();
        flight.record.head.flags |= flag::UNREADABLE;
    } else if flight.limit > SCAN_MAX {
        flight.scan.abandon();
        measure(flight);
    } else {
        flight.scan.finish();
        flight.record.head.flags |= flag::MALFORMED;
    }
}

#[inline(never)]
extern "C" fn scan_byte(index: u64, reading: &mut Reading<'_>) -> c_long {
    let Some(byte) = read::<u8>(reading.flight.message + index) else {
        reading.end = Reading::UNREADABLE;
        return 1;
    };
    if byte == 0 {
        reading.end = Reading::NUL;
        return 1;
    }
    reading.flight.scan.step(byte);
    0
}

/// Copies verb and text of a scanned message, up to its secret.
#[inline(always)]
fn copy_scanned(flight: &mut InFlight) {
    let secret_from = flight.scan.secret_from();
    let length = flight.record.head.text_len;
    if secret_from != NO_SECRET {
        flight.record.head.flags |= flag::REDACTED;
    }
    let shown = length.min(secret_from).min(TEXT_MAX as u32);
    if copy_bytes(&mut flight.record.texts, 0, shown, flight.message) {
        flight.record.head.text_bytes = shown as u16;
    } else {
        flight.record.head.flags |= flag::UNREADABLE;
    }
    if let Some(verb) = flight.scan.verb() {
        put(&mut flight.record.texts, end(&flight.record.head), verb.padded());
        flight.record.head.verb_bytes = u16::from(verb.len());
    }
}

/// Where text and verb end in [`super::inflight::Record::texts`], padding included.
///
/// The masks repeat the lengths' bounds for the verifier.
#[inline(always)]
pub fn end(head: &MessageHead) -> usize {
    let text = padded(usize::from(head.text_bytes)) & (2 * TEXT_MAX - 1);
    let verb = padded(usize::from(head.verb_bytes)) & (2 * VERB_LEN - 1);
    text + verb
}
