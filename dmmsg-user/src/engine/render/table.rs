//! Messages as a table for people.
//!
//! Columns have fixed places. A value that is wider than its column takes room from the columns
//! behind it, so that one long name moves as little of its row as possible.

use dmmsg_common::{dm::DevT, record::flag};

use super::append_integer;
use crate::engine::{
    clock::Clock,
    enrich::Context,
    event::Message,
    names::{errno::errno_name, escape::escape},
};

/// A column: its title, and where its values stand, in characters from the row's start.
#[derive(Clone, Copy)]
struct Column {
    title: &'static str,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    From(usize),
    Until(usize),
}

const fn left(title: &'static str, from: usize) -> Column {
    Column { title, place: Place::From(from) }
}

const fn right(title: &'static str, until: usize) -> Column {
    Column { title, place: Place::Until(until) }
}

const TIME: Column = left("TIME", 0);
const PID: Column = left("PID", 13);
const COMM: Column = left("COMM", 21);
const DEV: Column = left("DEV", 38);
const TYPE: Column = left("TYPE", 48);
const INDEX: Column = right("IDX", 62);
const TAG: Column = left("TAG", 63);
const LEN: Column = right("LEN", 85);
const LATENCY: Column = right("LAT(us)", 94);
const RET: Column = left("RET", 95);
const MESSAGE: Column = left("MESSAGE", 104);

// `--wide` puts these before the message.
const NAME: Column = left("NAME", 104);
const UUID: Column = left("UUID", 125);
const UID: Column = right("UID", 174);
const EXE: Column = left("EXE", 175);
const CGROUP: Column = left("CGROUP", 200);
const WIDE_MESSAGE: Column = left("MESSAGE", 241);

const FIXED: [Column; 10] = [TIME, PID, COMM, DEV, TYPE, INDEX, TAG, LEN, LATENCY, RET];
const WIDE: [Column; 5] = [NAME, UUID, UID, EXE, CGROUP];

/// Writes messages as rows of a table.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    wide: bool,
    value: Vec<u8>,
}

impl Table {
    /// A table that shows times by `clock`, and all it knows if `wide`.
    pub const fn new(clock: Clock, wide: bool) -> Self {
        Self { clock, wide, value: Vec::new() }
    }

    /// Whether the table shows who the sender is beyond its process id.
    pub const fn is_wide(&self) -> bool {
        self.wide
    }

    /// Appends the header.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        let last_column = self.last_column();
        let wide = if self.wide { &WIDE[..] } else { &[] };
        let mut row = Row::new(out, &mut self.value);
        for column in FIXED.iter().chain(wide).chain([&last_column]) {
            row.cell(*column, |value| value.extend_from_slice(column.title.as_bytes()));
        }
        row.end();
    }

    /// Appends the row of a message.
    pub fn message(&mut self, out: &mut Vec<u8>, message: &Message<'_>, context: Context<'_>) {
        let head = &message.head;
        let last_column = self.last_column();
        let mut row = Row::new(out, &mut self.value);
        row.cell(TIME, |value| self.clock.time_of_day(value, head.boot_ns));
        row.cell(PID, |value| append_integer(value, head.pid));
        row.cell(COMM, |value| append_text(value, Some(message.comm())));
        row.cell(DEV, |value| append_dev(value, message.dev()));
        row.cell(TYPE, |value| append_text(value, message.target_type()));
        row.cell(INDEX, |value| append_optional(value, message.target_index()));
        row.cell(TAG, |value| append_text(value, message.tag()));
        row.cell(LEN, |value| append_len(value, message));
        row.cell(LATENCY, |value| append_us(value, head.latency_ns));
        row.cell(RET, |value| append_ret(value, head.ret));
        if self.wide {
            row.cell(NAME, |value| append_text(value, Some(message.name)));
            row.cell(UUID, |value| append_text(value, Some(message.uuid)));
            row.cell(UID, |value| append_integer(value, head.uid));
            row.cell(EXE, |value| append_text(value, context.exe));
            row.cell(CGROUP, |value| append_text(value, context.cgroup));
        }
        row.cell(last_column, |value| append_message(value, message));
        row.end();
    }

    const fn last_column(&self) -> Column {
        if self.wide { WIDE_MESSAGE } else { MESSAGE }
    }
}

/// A row being written.
struct Row<'o> {
    out: &'o mut Vec<u8>,
    /// The cell being written.
    value: &'o mut Vec<u8>,
    /// Characters in the row so far.
    width: usize,
}

impl<'o> Row<'o> {
    const fn new(out: &'o mut Vec<u8>, value: &'o mut Vec<u8>) -> Self {
        Self { out, value, width: 0 }
    }

    /// Appends what `write` writes at its column's place, or as near behind it as there is room.
    fn cell(&mut self, column: Column, write: impl FnOnce(&mut Vec<u8>)) {
        self.value.clear();
        write(self.value);
        let width = self.value.iter().filter(|byte| !is_continuation(**byte)).count();
        if width == 0 {
            return;
        }
        let wanted = match column.place {
            Place::From(from) => from,
            Place::Until(until) => until.saturating_sub(width),
        };
        let free = if self.width == 0 { 0 } else { self.width + 1 };
        let start = wanted.max(free);
        self.out.resize(self.out.len() + start - self.width, b' ');
        self.out.extend_from_slice(self.value);
        self.width = start + width;
    }

    fn end(self) {
        self.out.push(b'\n');
    }
}

/// Whether a byte of UTF-8 belongs to a character that started before it.
const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn append_text(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) if !text.is_empty() => escape(out, text),
        _ => out.push(b'-'),
    }
}

fn append_optional(out: &mut Vec<u8>, number: Option<u32>) {
    match number {
        Some(number) => append_integer(out, number),
        None => out.push(b'-'),
    }
}

fn append_dev(out: &mut Vec<u8>, dev: Option<DevT>) {
    let Some(dev) = dev else {
        return out.push(b'-');
    };
    append_integer(out, dev.major());
    out.push(b':');
    append_integer(out, dev.minor());
}

fn append_len(out: &mut Vec<u8>, message: &Message<'_>) {
    if message.has(flag::LEN_AT_LEAST) {
        out.extend_from_slice(b">=");
    }
    append_optional(out, message.text_len());
}

/// Appends microseconds with one decimal, rounded to the nearest.
fn append_us(out: &mut Vec<u8>, ns: u64) {
    let tenths = ns.saturating_add(50) / 100;
    append_integer(out, tenths / 10);
    out.push(b'.');
    append_integer(out, tenths % 10);
}

fn append_ret(out: &mut Vec<u8>, ret: i32) {
    match errno_name(ret.saturating_neg()) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => append_integer(out, ret),
    }
}

/// Appends the text, and how much of it is not shown for which reason.
fn append_message(out: &mut Vec<u8>, message: &Message<'_>) {
    if message.text_len().is_none() {
        return out.push(b'-');
    }
    escape(out, message.text);
    if message.is_redacted() {
        out.extend_from_slice(b"<redacted ");
    } else if message.is_truncated() {
        out.extend_from_slice(" …<+".as_bytes());
    } else {
        return;
    }
    append_integer(out, message.hidden_bytes());
    out.extend_from_slice(if message.has(flag::LEN_AT_LEAST) { b" B or more>" } else { b" B>" });
}
