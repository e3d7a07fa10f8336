//! A row, with values in their columns.

use dmmsg_common::record::flag;

use crate::engine::{
    event::{Message, until_nul},
    names::errno::errno_name,
    render::{
        line::Line,
        short::{SHORT, Short},
    },
    suspension::Suspension,
    targets::explain,
};

/// Bytes of most rows.
pub const ROOM: usize = 160;
const WIDE_ROOM: usize = 320;

/// A column: its title, and where its values stand, in characters from the row's start.
#[derive(Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    From(usize),
    Until(usize),
}

pub const fn left(title: &'static str, from: usize) -> Column {
    Column { title, place: Place::From(from) }
}

pub const fn right(title: &'static str, until: usize) -> Column {
    Column { title, place: Place::Until(until) }
}

/// A row being written.
pub struct Row<'o> {
    pub line: Line<'o>,
    /// Where the row starts in the buffer, plus the bytes so far that no character starts with.
    start: usize,
    /// First place, in characters, where another value can stand.
    pub free: usize,
}

impl<'o> Row<'o> {
    pub fn start(out: &'o mut Vec<u8>, wide: bool) -> Self {
        let line = if wide { Line::start::<WIDE_ROOM>(out) } else { Line::start::<ROOM>(out) };
        Self { start: line.at(), line, free: 0 }
    }

    /// Goes to a column's place for a value of this width, or as near behind it as there is room.
    #[inline]
    pub const fn go_to(&mut self, column: Column, width: usize) {
        let wanted = match column.place {
            Place::From(from) => from,
            Place::Until(until) => until.saturating_sub(width),
        };
        let from = if wanted > self.free { wanted } else { self.free };
        self.line.go_to(self.start + from);
        self.free = from + width + 1;
    }

    #[inline]
    pub fn short(&mut self, column: Column, value: Short) {
        self.go_to(column, value.len());
        self.line.short(value);
    }

    pub fn ascii(&mut self, column: Column, value: &[u8]) {
        self.go_to(column, value.len());
        self.line.bytes(value);
    }

    /// Writes cells as they were written in another row at this place, up to `free`.
    #[inline]
    pub fn cells(&mut self, cells: &[u8], free: usize) {
        self.line.bytes(cells);
        // Beyond the row's width are the bytes that no character starts with.
        self.start = self.line.at() + 1 - free;
        self.free = free;
    }

    /// Writes a zero-padded text.
    pub fn padded(&mut self, column: Column, text: &[u8; SHORT]) {
        match Short::padded(text) {
            Some(Short::EMPTY) => self.short(column, Short::DASH),
            Some(value) => self.short(column, value),
            None => self.text(column, Some(until_nul(text))),
        }
    }

    /// Writes a text, in a column whose values start at its place.
    pub fn text(&mut self, column: Column, text: Option<&[u8]>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return self.short(column, Short::DASH);
        };
        self.go_to(column, 0);
        self.free += self.line.escaped(text);
        self.start = self.line.at() + 1 - self.free;
    }

    /// Writes what stands right behind the last value, and is the row's end.
    pub fn trailing(&mut self, bytes: &[u8]) {
        self.line.bytes(bytes);
    }

    /// Writes the text, and how much of it is not shown for which reason.
    pub fn message(&mut self, column: Column, message: &Message<'_>) {
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
    pub fn explanation(&mut self, message: &Message<'_>) {
        let Some(why) = explain(message) else { return };
        self.line.go_to((self.line.at() + 1).max(self.start + self.free - 1));
        let name = errno_name(message.head.call.ret.saturating_neg()).unwrap_or_default();
        for part in ["<", name, ": ", why, ">"] {
            self.line.bytes(part.as_bytes());
        }
    }

    /// Writes that the device was suspended, since when and by whom where that is known.
    pub fn suspension(&mut self, met: Option<([u8; 12], &Suspension)>) {
        self.line.bytes(b" <suspended");
        if let Some((since, met)) = met {
            self.line.bytes(b" since ");
            self.line.bytes(&since);
            self.line.bytes(b" by ");
            self.line.escaped(until_nul(&met.comm));
            self.line.bytes(b" ");
            self.line.number(u64::from(met.pid));
        }
        self.line.bytes(b">");
    }

    pub fn end(self) {
        self.line.end();
    }
}
