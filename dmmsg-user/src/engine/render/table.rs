//! Messages as a table for people.
//!
//! Columns have fixed places. A value that is wider than its column takes room from the columns
//! behind it, so that one long name moves as little of its row as possible.

use dmmsg_common::record::flag;

use super::{
    line::Line,
    short::{SHORT, Short},
};
use crate::engine::{
    clock::Clock,
    digits::last_digit,
    enrich::Context,
    event::{Message, Tag, until_nul},
    names::errno::errno_name,
    targets::{Class, explain},
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
const CLASS: Column = left("CLASS", 241);
const WIDE_MESSAGE: Column = left("MESSAGE", 250);

/// Bytes of most rows.
const ROOM: usize = 160;
const WIDE_ROOM: usize = 320;

const FIXED: [Column; 10] = [TIME, PID, COMM, DEV, TYPE, INDEX, TAG, LEN, LATENCY, RET];
const WIDE: [Column; 6] = [NAME, UUID, UID, EXE, CGROUP, CLASS];

/// Writes messages as rows of a table.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    wide: bool,
    last: Subject,
}

/// Who spoke to what in the last row, and the cells that tell it: in a burst, it is the same.
#[derive(Debug)]
struct Subject {
    facts: Facts,
    cells: Vec<u8>,
    /// [`Row::free`] behind the cells.
    free: usize,
}

type Facts = (u32, [u8; SHORT], u32, [u8; SHORT], u32);

impl Table {
    /// A table that shows times by `clock`, and all it knows if `wide`.
    pub const fn new(clock: Clock, wide: bool) -> Self {
        let facts = (0, [0; SHORT], 0, [0; SHORT], 0);
        Self { clock, wide, last: Subject { facts, cells: Vec::new(), free: 0 } }
    }

    /// Whether the table shows who the sender is beyond its process id.
    pub const fn is_wide(&self) -> bool {
        self.wide
    }

    /// Appends the header.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        let wide = if self.wide { &WIDE[..] } else { &[] };
        let mut row = Row::start(out, self.wide);
        for column in FIXED.iter().chain(wide).chain([&self.last_column()]) {
            row.ascii(*column, column.title.as_bytes());
        }
        row.end();
    }

    /// Appends the row of a message.
    pub fn message(&mut self, out: &mut Vec<u8>, message: &Message<'_>, context: Context<'_>) {
        let head = message.head;
        let mut row = Row::start(out, self.wide);
        row.ascii(TIME, &self.clock.time_of_day(head.boot_ns));
        self.last.write(&mut row, message);
        match message.tag {
            Tag::Text(verb) => row.ascii(TAG, verb),
            _ => row.text(TAG, message.tag()),
        }
        row.short(LEN, len(message));
        latency(&mut row, head.latency_ns);
        ret(&mut row, head.ret);
        if self.wide {
            row.text(NAME, Some(message.name));
            row.text(UUID, Some(message.uuid));
            row.short(UID, Short::number(head.uid));
            row.text(EXE, context.exe);
            row.text(CGROUP, context.cgroup);
            let class = message.tag().map(|tag| Class::of(message.target_type(), tag).name());
            row.ascii(CLASS, class.unwrap_or("-").as_bytes());
        }
        row.message(self.last_column(), message);
        if self.wide && head.ret != 0 {
            row.explanation(message);
        }
        row.end();
    }

    const fn last_column(&self) -> Column {
        if self.wide { WIDE_MESSAGE } else { MESSAGE }
    }
}

impl Subject {
    /// Writes the cells from [`PID`] to [`INDEX`].
    #[inline]
    fn write(&mut self, row: &mut Row<'_>, message: &Message<'_>) {
        let head = message.head;
        let facts = (head.pid, head.comm, head.dev, head.target_type, head.target_index);
        if facts == self.facts && self.free > 0 {
            row.cells(&self.cells, self.free);
        } else {
            self.facts = facts;
            self.compose(row, message);
        }
    }

    #[inline(never)]
    fn compose(&mut self, row: &mut Row<'_>, message: &Message<'_>) {
        let start = row.line.at();
        row.short(PID, Short::number(message.head.pid));
        row.padded(COMM, &message.head.comm);
        row.short(DEV, message.dev().map_or(Short::DASH, Short::dev));
        row.padded(TYPE, &message.head.target_type);
        row.short(INDEX, message.target_index().map_or(Short::DASH, Short::number));
        self.cells.clear();
        self.cells.extend_from_slice(row.line.since(start));
        self.free = row.free;
    }
}

/// A row being written.
struct Row<'o> {
    line: Line<'o>,
    /// Where the row starts in the buffer, plus the bytes so far that no character starts with.
    start: usize,
    /// First place, in characters, where another value can stand.
    free: usize,
}

impl<'o> Row<'o> {
    fn start(out: &'o mut Vec<u8>, wide: bool) -> Self {
        let line = if wide { Line::start::<WIDE_ROOM>(out) } else { Line::start::<ROOM>(out) };
        Self { start: line.at(), line, free: 0 }
    }

    /// Goes to a column's place for a value of this width, or as near behind it as there is room.
    #[inline]
    const fn go_to(&mut self, column: Column, width: usize) {
        let wanted = match column.place {
            Place::From(from) => from,
            Place::Until(until) => until.saturating_sub(width),
        };
        let from = if wanted > self.free { wanted } else { self.free };
        self.line.go_to(self.start + from);
        self.free = from + width + 1;
    }

    #[inline]
    fn short(&mut self, column: Column, value: Short) {
        self.go_to(column, value.len());
        self.line.short(value);
    }

    fn ascii(&mut self, column: Column, value: &[u8]) {
        self.go_to(column, value.len());
        self.line.bytes(value);
    }

    /// Writes cells as they were written in another row at this place, up to `free`.
    #[inline]
    fn cells(&mut self, cells: &[u8], free: usize) {
        self.line.bytes(cells);
        // Beyond the row's width are the bytes that no character starts with.
        self.start = self.line.at() + 1 - free;
        self.free = free;
    }

    /// Writes a zero-padded text.
    fn padded(&mut self, column: Column, text: &[u8; SHORT]) {
        match Short::padded(text) {
            Some(Short::EMPTY) => self.short(column, Short::DASH),
            Some(value) => self.short(column, value),
            None => self.text(column, Some(until_nul(text))),
        }
    }

    /// Writes a text, in a column whose values start at its place.
    fn text(&mut self, column: Column, text: Option<&[u8]>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return self.short(column, Short::DASH);
        };
        self.go_to(column, 0);
        self.free += self.line.escaped(text);
        self.start = self.line.at() + 1 - self.free;
    }

    /// Writes the text, and how much of it is not shown for which reason.
    fn message(&mut self, column: Column, message: &Message<'_>) {
        if message.text_len().is_none() {
            return self.short(column, Short::DASH);
        }
        let end = self.line.at();
        self.go_to(column, 0);
        if message.text.is_empty() && !message.is_redacted() && !message.is_truncated() {
            // Nothing at all, not even the spaces before it.
            return self.line.go_to(end);
        }
        self.line.escaped(message.text);
        if message.is_redacted() {
            self.line.bytes(b"<redacted ");
        } else if message.is_truncated() {
            self.line.bytes(" …<+".as_bytes());
        } else {
            return;
        }
        self.line.number(message.hidden_bytes() as u64);
        let or_more = message.has(flag::LEN_AT_LEAST);
        self.line.bytes(if or_more { b" B or more>" } else { b" B>" });
    }

    /// Writes why the message failed, behind its text or in its place.
    fn explanation(&mut self, message: &Message<'_>) {
        let Some(why) = explain(message) else { return };
        self.line.go_to((self.line.at() + 1).max(self.start + self.free - 1));
        let name = errno_name(message.head.ret.saturating_neg()).unwrap_or_default();
        for part in ["<", name, ": ", why, ">"] {
            self.line.bytes(part.as_bytes());
        }
    }

    fn end(self) {
        self.line.end();
    }
}

fn len(message: &Message<'_>) -> Short {
    let len = message.text_len().map_or(Short::DASH, Short::number);
    if message.has(flag::LEN_AT_LEAST) { len.after(b'=').after(b'>') } else { len }
}

/// Writes microseconds with one decimal, rounded to the nearest.
fn latency(row: &mut Row<'_>, ns: u64) {
    let tenths = ns.saturating_add(50) / 100;
    match u32::try_from(tenths) {
        Ok(tenths) => {
            let decimal = Short::EMPTY.after(last_digit(tenths)).after(b'.');
            row.short(LATENCY, decimal.after_number(tenths / 10));
        }
        Err(_) => row.ascii(LATENCY, format!("{}.{}", tenths / 10, tenths % 10).as_bytes()),
    }
}

fn ret(row: &mut Row<'_>, ret: i32) {
    match errno_name(ret.saturating_neg()) {
        Some(name) => row.ascii(RET, name.as_bytes()),
        None => row.short(RET, Short::signed(ret)),
    }
}
