//! Copies a message's text, without its secrets and before the kernel splits it.

use core::ffi::c_long;

use dmmsg_common::{
    dm::NAME_LEN,
    nul::{BLOCK, Words, has_nul},
    record::{TEXT_MAX, flag},
    secret::{NO_SECRET, Scan, may_name_key},
};

use crate::{
    filter,
    inflight::InFlight,
    kernel::memory::{copy_bytes, copy_str, put, read, repeat},
};

/// Bytes of a text that are searched for its end; a longer one is marked as such.
const SEARCH_MAX: u32 = 1 << 20;

/// Copies the text into the record behind name and uuid, and sets what is known of it.
///
/// `strict` as in [`dmmsg_common::secret`]. Returns whether the verb passes the user's filter.
#[inline(always)]
pub fn capture(flight: &mut InFlight, strict: bool) -> bool {
    if flight.message == 0 {
        flight.record.head.flags |= flag::MALFORMED;
        return !filter::wants_verb();
    }
    if strict || filter::wants_verb() || may_name_key(flight.first as u8) {
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
    let at = texts_end(flight);
    let copied = copy_str(&mut flight.record.texts, at, room, flight.message);
    if copied == 0 {
        flight.record.head.flags |= flag::UNREADABLE;
        return;
    }
    flight.record.head.text_bytes = (copied - 1) as u16;
    flight.record.head.text_len = copied - 1;
    if copied == room {
        measure(flight);
    }
}

/// A search for the NUL that ends a text.
struct Search {
    /// Address to look at next.
    at: u64,
    found: bool,
}

/// Finds the length of a text that fills the record.
#[inline(always)]
fn measure(flight: &mut InFlight) {
    let known = flight.message + u64::from(flight.record.head.text_len);
    // What is known to be text may stand before `known` in its block, and has no NUL.
    let mut search = Search { at: known & !(BLOCK as u64 - 1), found: false };
    repeat(flight.limit.min(SEARCH_MAX) / BLOCK as u32 + 2, search_block, &mut search);
    if !search.found {
        flight.record.head.text_len = flight.limit.min(SEARCH_MAX);
        flight.record.head.flags |= flag::LEN_AT_LEAST;
        return;
    }
    repeat(BLOCK as u32, search_byte, &mut search);
    let length = (search.at - flight.message) as u32;
    if length >= flight.limit {
        flight.record.head.flags |= flag::MALFORMED;
    }
    flight.record.head.text_len = length.min(flight.limit);
}

extern "C" fn search_block(_: u64, search: &mut Search) -> c_long {
    let Some(block) = read::<Words>(search.at) else { return 1 };
    search.found = has_nul(&block);
    if search.found {
        return 1;
    }
    search.at += BLOCK as u64;
    0
}

extern "C" fn search_byte(_: u64, search: &mut Search) -> c_long {
    if read::<u8>(search.at).is_none_or(|byte| byte == 0) {
        return 1;
    }
    search.at += 1;
    0
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

/// Finds verb and secret of a text where it stands, before any of it is copied.
#[inline(always)]
fn scan(flight: &mut InFlight, strict: bool) {
    flight.scan = Scan::new(strict);
    flight.record.head.flags |= flag::SCANNED;
    let bytes = flight.limit.min(SEARCH_MAX);
    let mut reading = Reading { flight, end: Reading::OPEN };
    repeat(bytes, scan_byte, &mut reading);

    let Reading { flight, end } = reading;
    if end == Reading::NUL {
        flight.scan.finish();
    } else if end == Reading::UNREADABLE {
        flight.scan.abandon();
        flight.record.head.flags |= flag::UNREADABLE;
    } else if flight.limit > SEARCH_MAX {
        flight.scan.abandon();
        flight.record.head.flags |= flag::LEN_AT_LEAST;
    } else {
        flight.scan.finish();
        flight.record.head.flags |= flag::MALFORMED;
    }
}

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
    let length = flight.scan.length;
    flight.record.head.text_len = length;
    if secret_from != NO_SECRET {
        flight.record.head.flags |= flag::REDACTED;
    }
    if let Some(verb) = flight.scan.verb() {
        put(&mut flight.record.texts, texts_end_of(&flight.record.head), verb.padded());
        flight.record.head.verb_bytes = u16::from(verb.len());
    }
    let shown = length.min(secret_from).min(TEXT_MAX as u32);
    let at = texts_end(flight);
    if copy_bytes(&mut flight.record.texts, at, shown, flight.message) {
        flight.record.head.text_bytes = shown as u16;
    } else {
        flight.record.head.flags |= flag::UNREADABLE;
    }
}

#[inline(always)]
fn texts_end(flight: &InFlight) -> usize {
    texts_end_of(&flight.record.head)
}

/// Where the next text goes; the masks repeat the lengths' bounds for the verifier.
#[inline(always)]
fn texts_end_of(head: &dmmsg_common::record::MessageHead) -> usize {
    let name = usize::from(head.name_bytes) & (NAME_LEN - 1);
    let uuid = usize::from(head.uuid_bytes) & 0xff;
    let verb = usize::from(head.verb_bytes) & 0x3f;
    name + uuid + verb
}
