//! Messages as a table for people.
//!
//! Columns have fixed places. A value that is wider than its column takes room from the columns
//! behind it, so that one long name moves as little of its row as possible.

mod ioctls;
mod row;

use dmmsg_common::record::{Call, flag};

use self::row::{Column, ROOM, Row, left, right};
use super::{
    line::Line,
    short::{SHORT, Short},
};
use crate::engine::{
    clock::Clock,
    digits::last_digit,
    enrich::{Context, stack},
    event::{Message, Tag},
    names::errno::errno_name,
    suspension::Suspensions,
    targets::Class,
};

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
const HANDLER: Column = right("HANDLER(us)", 252);
const CLASS: Column = left("CLASS", 253);
const WIDE_MESSAGE: Column = left("MESSAGE", 262);

/// Stands for the executable of a sender that is gone; a path starts with a slash.
const GONE: &[u8] = b"(gone)";

const FIXED: [Column; 10] = [TIME, PID, COMM, DEV, TYPE, INDEX, TAG, LEN, LATENCY, RET];
const WIDE: [Column; 7] = [NAME, UUID, UID, EXE, CGROUP, HANDLER, CLASS];

/// Writes messages as rows of a table.
#[derive(Debug)]
pub struct Table {
    clock: Clock,
    wide: bool,
    last: Subject,
    suspensions: Suspensions,
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
    pub fn new(clock: Clock, wide: bool) -> Self {
        let last = Subject { facts: Facts::default(), cells: Vec::new(), free: 0 };
        Self { clock, wide, last, suspensions: Suspensions::default() }
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
        row.ascii(TIME, &self.clock.time_of_day(head.call.boot_ns));
        self.last.write(&mut row, message);
        match message.tag {
            Tag::Text(verb) => row.ascii(TAG, verb),
            _ => row.text(TAG, message.tag()),
        }
        row.short(LEN, len(message));
        if message.is_in_flight() {
            latency(&mut row, LATENCY, head.call.latency_ns);
            row.short(RET, Short::EMPTY.after(b'?'));
        } else {
            outcome(&mut row, &head.call);
        }
        if self.wide {
            Self::context(&mut row, &head.call, [message.name, message.uuid], context);
            handler(&mut row, message.handler_ns());
            let class = message.tag().map(|tag| Class::of(message.target_type(), tag).name());
            row.ascii(CLASS, class.unwrap_or("-").as_bytes());
        }
        row.message(self.last_column(), message);
        if self.wide && head.call.ret != 0 {
            row.explanation(message);
        }
        if self.wide && message.has(flag::SUSPENDED) {
            let met = self.suspensions.met_by(message);
            row.suspension(met.map(|met| (self.clock.time_of_day(met.since_boot_ns), met)));
        }
        row.end();
        if let Some(stack) = context.stack.filter(|_| message.is_in_flight()) {
            stack_line(out, stack);
        }
    }

    /// Writes what `--wide` adds of a call, but for the time in the target.
    fn context(row: &mut Row<'_>, call: &Call, names: [&[u8]; 2], context: Context<'_>) {
        let [name, uuid] = names;
        row.text(NAME, Some(name));
        row.text(UUID, Some(uuid));
        row.short(UID, Short::number(call.uid));
        row.text(EXE, context.exe.or(context.gone.then_some(GONE)));
        row.text(CGROUP, context.cgroup);
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
        let facts =
            (head.call.pid, head.call.comm, head.call.dev, head.target_type, head.target_index);
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
        row.short(PID, Short::number(message.head.call.pid));
        row.padded(COMM, &message.head.call.comm);
        row.short(DEV, message.dev().map_or(Short::DASH, Short::dev));
        row.padded(TYPE, &message.head.target_type);
        row.short(INDEX, message.target_index().map_or(Short::DASH, Short::number));
        self.cells.clear();
        self.cells.extend_from_slice(row.line.since(start));
        self.free = row.free;
    }
}

/// Writes where a message hangs, below its row.
fn stack_line(out: &mut Vec<u8>, stack: &[u8]) {
    let mut line = Line::start::<ROOM>(out);
    line.bytes(b"  waits in ");
    for (index, function) in stack::functions(stack).enumerate() {
        if index > 0 {
            line.bytes(b" < ");
        }
        line.escaped(function);
    }
    line.end();
}

fn len(message: &Message<'_>) -> Short {
    let len = message.text_len().map_or(Short::DASH, Short::number);
    if message.has(flag::LEN_AT_LEAST) { len.after(b'=').after(b'>') } else { len }
}

/// Writes how long a call took and how it ended.
fn outcome(row: &mut Row<'_>, call: &Call) {
    latency(row, LATENCY, call.latency_ns);
    ret(row, call.ret);
}

/// Writes the time in the target, if it is known.
fn handler(row: &mut Row<'_>, ns: Option<u64>) {
    match ns {
        Some(ns) => latency(row, HANDLER, ns),
        None => row.short(HANDLER, Short::DASH),
    }
}

/// Writes microseconds with one decimal, rounded to the nearest.
fn latency(row: &mut Row<'_>, column: Column, ns: u64) {
    let tenths = ns.saturating_add(50) / 100;
    match u32::try_from(tenths) {
        Ok(tenths) => {
            let decimal = Short::EMPTY.after(last_digit(tenths)).after(b'.');
            row.short(column, decimal.after_number(tenths / 10));
        }
        Err(_) => row.ascii(column, format!("{}.{}", tenths / 10, tenths % 10).as_bytes()),
    }
}

fn ret(row: &mut Row<'_>, ret: i32) {
    match errno_name(ret.saturating_neg()) {
        Some(name) => row.ascii(RET, name.as_bytes()),
        None => row.short(RET, Short::signed(ret)),
    }
}
