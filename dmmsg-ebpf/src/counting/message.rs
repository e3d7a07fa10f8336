//! The story of a message that is counted.

use core::ffi::c_long;

use aya_ebpf::macros::map;
use dmmsg_common::{
    count::{Begun, TYPE_NONE, VERB_OTHER},
    dm::{MESSAGE_OFFSET, ioctl_header},
    opening::{self, Opening},
    secret::Scan,
    verb::VERB_LEN,
};

use super::{
    catalogue::{self, count},
    ioctl,
};
use crate::kernel::opaque::opaque;
use crate::{
    filter,
    kernel::{
        devices,
        flights::{self, Flight},
        memory::{Access, Loose, keep, layout, put, read, repeat, words},
        task::{self, Arguments, Return, Task},
        totals::Total,
    },
    length::{Length, SCAN_MAX},
    table::{self, Target},
};

/// A message in flight. All zero is a valid value: nothing is in flight.
#[repr(C)]
pub struct Counted {
    begun: Begun,
    /// Kernel address of the message's text.
    message: u64,
    sector: u64,
    /// Number of the target's type.
    target_type: u32,
    /// Number of the verb.
    verb: u32,
    text_len: u32,
    /// Bytes from `message` to the end of the kernel's copy.
    limit: u32,
    /// Whether the device was looked up.
    looked_up: u32,
    /// Number of the device; only if calls are counted by device.
    dev: u32,
    scan: Scan,
    /// The verb that `scan` found, aligned as words are.
    scanned: Aligned<VERB_LEN>,
}

#[repr(C, align(8))]
struct Aligned<const N: usize>([u8; N]);

/// Messages in flight.
#[map]
static MESSAGES: flights::Table<Counted> = flights::table();

// SAFETY: `owner` comes first, and zero is a value of every field, which only programs write.
unsafe impl Flight for Counted {
    const PLACES: u32 = 128;

    #[inline(always)]
    fn places() -> &'static flights::Table<Self> {
        &MESSAGES
    }

    #[inline(always)]
    fn abandon(&mut self) {
        // The next call has no start yet.
        self.begun.boot_ns = 0;
        count(Total::Lost);
    }
}

/// Entry of `target_message(file, param, param_size)`: the message begins.
#[inline(always)]
pub fn begins<A: Access>(hook: &impl Arguments) {
    let task = Task::by_id();
    if filter::wants_ioctls() {
        ioctl::is_message(&task);
    }
    let Some(flight) = flights::take_off::<Counted>(&task) else {
        count(Total::Message);
        return count(Total::Lost);
    };
    count_begun(&mut flight.begun);
    flight.looked_up = 0;
    flight.target_type = TYPE_NONE;
    let param = hook.argument(1).unwrap_or(0);
    // A pointer that went through a map is a number to the verifier.
    let number = keep(&mut flight.message, param);
    // At entry, as for a record: the function overwrites `data_start`, and splits the text in place.
    let data_start: u32 = A::field(param, ioctl_header::DATA_START).unwrap_or(0);
    read_text::<A>(flight, number, u64::from(data_start), hook.argument(2).unwrap_or(0));
    flight.begun.boot_ns = task::boot_ns();
}

/// Counts a message that has a place: there, which takes a seventh of what a map of totals takes.
#[cfg(not(feature = "kernel-5-10"))]
#[inline(always)]
const fn count_begun(begun: &mut Begun) {
    begun.taken += 1;
}

/// Counts a message that has a place, which is gone when it returns.
#[cfg(feature = "kernel-5-10")]
#[inline(always)]
fn count_begun(_: &mut Begun) {
    count(Total::Message);
}

/// Finds sector, verb and length of the text.
#[inline(always)]
fn read_text<A: Access>(flight: &mut Counted, param: u64, data_start: u64, param_size: u64) {
    let text_start = data_start + MESSAGE_OFFSET;
    if data_start < ioctl_header::DATA || text_start >= param_size {
        // Of zeroes that it knows, the compiler would make a call of `memset`.
        flight.sector = opaque(0);
        flight.text_len = opaque(0);
        flight.verb = VERB_OTHER;
        return;
    }
    flight.message = param + text_start;
    flight.limit = (param_size - text_start) as u32;
    let message = A::structure(param + data_start);
    flight.sector = A::word(&message, 0).unwrap_or(0);
    if read_plain::<A>(flight, &message).is_none() {
        scan(flight);
    }
}

/// Finds verb and length of a text that begins with a verb of the vocabulary as it stands there;
/// nothing of another one.
#[inline(always)]
fn read_plain<A: Access>(flight: &mut Counted, message: &Loose) -> Option<()> {
    let limit = flight.limit;
    let piece = |index: u32| {
        // A word that reaches past the buffer may not be readable, though its start is.
        let is_whole = 8 * (index + 1) <= limit;
        if is_whole { A::word(message, MESSAGE_OFFSET + u64::from(8 * index)) } else { None }
    };
    // One by one and not in a loop, so that the verb stays in registers.
    let mut reading = Reading { verb: [0; opening::WORDS], stands: Opening::InWord, index: 0 };
    reading.step(0, piece)?;
    reading.step(1, piece)?;
    reading.step(2, piece)?;
    reading.step(3, piece)?;
    let verb = catalogue::verb_number(&reading.verb).filter(|_| reading.verb[0] != 0)?;
    flight.text_len = match reading.stands {
        Opening::Ended(rest) => 8 * reading.index + rest,
        Opening::Behind => Length::of(flight.message, 8 * opening::WORDS as u32, limit).bytes,
        _ => return None,
    };
    flight.verb = verb;
    Some(())
}

/// A text that is read piece by piece.
struct Reading {
    verb: [u64; opening::WORDS],
    stands: Opening,
    /// The piece that was read last.
    index: u32,
}

impl Reading {
    /// Reads another piece, if the text has not ended.
    #[inline(always)]
    fn step(&mut self, index: u32, piece: impl Fn(u32) -> Option<u64>) -> Option<()> {
        match self.stands {
            Opening::Ended(_) => return Some(()),
            Opening::Strange => return None,
            Opening::InWord => {
                (self.verb[index as usize], self.stands) = opening::read(piece(index)?);
            }
            Opening::Behind => self.stands = opening::after(piece(index)?),
        }
        self.index = index;
        Some(())
    }
}

/// Finds verb and length of any text, byte by byte.
#[inline(always)]
fn scan(flight: &mut Counted) {
    flight.verb = VERB_OTHER;
    flight.scan = Scan::new(false);
    let bytes = flight.limit.min(SCAN_MAX);
    // The kernel wants the loop's state on the stack, and the scan elsewhere.
    let mut scanning = Scanning { flight };
    repeat(bytes, scan_byte, &mut scanning);
    let Scanning { flight } = scanning;
    flight.text_len = flight.scan.length;
    flight.scan.finish();
    if flight.text_len >= SCAN_MAX {
        flight.text_len = Length::of(flight.message, flight.text_len, flight.limit).bytes;
    }
    if let Some(verb) = flight.scan.verb() {
        put(&mut flight.scanned.0, 0, verb.padded());
        flight.verb = catalogue::verb_number(&words(&flight.scanned.0)).unwrap_or(VERB_OTHER);
    }
    // What is no verb may be a key.
    flight.scan = Scan::new(false);
    put(&mut flight.scanned.0, 0, &[0; VERB_LEN]);
}

/// A scan of a text, byte by byte.
struct Scanning<'a> {
    flight: &'a mut Counted,
}

#[inline(never)]
extern "C" fn scan_byte(index: u64, Scanning { flight }: &mut Scanning<'_>) -> c_long {
    let Some(byte) = read::<u8>(flight.message + index) else { return 1 };
    if byte == 0 {
        return 1;
    }
    flight.scan.step(byte);
    0
}

/// Return of `__find_device_hash_cell(param)`: the target becomes known.
///
/// It also runs for every other ioctl on a device, when no message is in flight.
#[inline(always)]
pub fn device_found<A: Access>(hook: &impl Return) {
    let task = Task::by_id();
    let cell = hook.value(1);
    let Some(flight) = flights::find::<Counted>(&task) else { return };
    if flight.looked_up != 0 || cell == 0 {
        return;
    }
    flight.looked_up = 1;
    let md = A::field(cell, layout!(hash_cell_md)).unwrap_or(0);
    if catalogue::counts_by_device() {
        flight.dev = table::dev::<A>(md);
    }
    let table = A::field(md, layout!(md_map)).unwrap_or(0);
    if table == 0 {
        return;
    }
    if let Some(target) = Target::at_sector::<A>(table, flight.sector) {
        flight.target_type = catalogue::type_number(&target.type_name::<A>());
    }
}

/// Return of `target_message`: the message counts.
#[inline(always)]
pub fn ends(hook: &impl Return) {
    let now = task::boot_ns();
    let Some(flight) = flights::find::<Counted>(&Task::by_id()) else { return };
    let Counted { target_type, verb, text_len, .. } = *flight;
    let began = flight.begun.boot_ns;
    let latency_ns = now.saturating_sub(began);
    let series = catalogue::series(target_type, verb);
    if catalogue::counts_by_device() {
        // What an earlier message has left there is not this one's.
        devices::add(if flight.looked_up != 0 { flight.dev } else { 0 }, series);
    }
    if let Some(adding) = catalogue::count_return(series, latency_ns, hook.value(3)) {
        adding.size(text_len);
    }
    // Who looks at the place before the next message has a start must not take this one's.
    flight.begun.boot_ns = 0;
    flights::land(flight);
}
