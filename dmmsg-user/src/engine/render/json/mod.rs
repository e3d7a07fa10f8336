//! Events as JSON, one object a line, by the schema `dmmsg/1`.
//!
//! The lines are appended by hand, without a value per field: 8 M a second on one core of an AMD
//! EPYC (`examples/records.rs`), where the budget asks for 2 M. What is absent is null.
//! Bytes from strangers are escaped first (see [`names::escape`](crate::engine::names::escape)) and
//! then once more for JSON. `notes` names what else the kernel's record tells:
//!
//! | note | meaning |
//! |---|---|
//! | `len_at_least` | the text is longer than was searched for its end: `len` is a lower bound |
//! | `no_device` | there is no such device: `dm` holds what the sender asked for |
//! | `no_table` | the device has no live table |
//! | `malformed` | the text has no end or no place in the sender's buffer: the kernel refused it |
//! | `secure` | the sender asked the kernel to wipe its buffer |
//! | `no_lookup` | the probe of the device lookup missed this message |
//! | `unreadable` | part of the kernel's data could not be read |
//! | `suspended` | the device was suspended when the message arrived |

mod ioctls;
pub(super) mod object;
mod opening;
mod rare;

use dmmsg_common::{
    dm::DevT,
    record::{Call, flag},
};

use self::{object::Object, opening::Opening};
use super::short::{SHORT, Short};
use crate::engine::{
    clock::Clock,
    enrich::{Answer, Context},
    event::{BadRecord, Message, Tag},
    names::{errno::errno_name, escape::is_plain},
    suspension::Suspensions,
    tally::Totals,
    targets::{Class, explain},
};

const NOTES: [(u32, &str); 8] = [
    (flag::LEN_AT_LEAST, "len_at_least"),
    (flag::NO_DEVICE, "no_device"),
    (flag::NO_TABLE, "no_table"),
    (flag::MALFORMED, "malformed"),
    (flag::SECURE, "secure"),
    (flag::NO_LOOKUP, "no_lookup"),
    (flag::UNREADABLE, "unreadable"),
    (flag::SUSPENDED, "suspended"),
];

/// Writes messages as JSON.
#[derive(Debug)]
pub struct Json {
    clock: Clock,
    word: Vec<u8>,
    last: Subject,
    opening: Opening,
    suspensions: Suspensions,
}

impl Json {
    /// A writer; the clock must show UTC.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            word: Vec::new(),
            last: Subject::default(),
            opening: Opening::default(),
            suspensions: Suspensions::default(),
        }
    }

    /// Appends the line of a message.
    pub fn message(&mut self, out: &mut Vec<u8>, message: &Message<'_>, context: Context<'_>) {
        let head = message.head;
        let mut line = Object(out);
        if message.is_in_flight() {
            line.raw(br#"{"schema":"dmmsg/1","type":"in_flight","time":""#);
            line.raw(&self.clock.rfc3339(head.call.boot_ns)).raw(b"\"");
        } else {
            line.raw(br#"{"schema":"dmmsg/1","type":"message","time":""#);
            self.numbers(&mut line, &head.call);
        }
        self.last.write(&mut line, message, context);
        line.raw(br#","sector":"#).optional(message.sector());
        self.text(&mut line, message);
        line.raw(br#"},"latency_ns":{"total":"#).number(head.call.latency_ns);
        line.raw(br#","handler":"#).optional(message.handler_ns());
        if message.is_in_flight() {
            line.raw(br#"},"ret":null,"errno":null,"explanation":null,"notes":["#);
        } else {
            outcome(&mut line, head.call.ret, || explain(message));
        }
        notes(&mut line, message);
        line.raw(b"]");
        if message.has(flag::SUSPENDED) {
            self.suspension(&mut line, message);
        }
        if message.is_in_flight() {
            rare::stack(&mut line, context.stack);
        }
        line.raw(b"}\n");
    }

    /// Writes the members from within `time` to `lost_before`.
    #[inline]
    fn numbers(&mut self, line: &mut Object<'_>, call: &Call) {
        line.raw(&self.clock.rfc3339(call.boot_ns));
        line.raw(br#"","seq":"#).number(call.seq);
        line.raw(br#","cpu":"#).number(call.cpu);
        line.raw(br#","lost_before":"#).number(call.lost);
    }

    /// Writes `msg` up to its last member.
    fn text(&mut self, line: &mut Object<'_>, message: &Message<'_>) {
        let seen = message.text_len();
        match (message.tag, seen) {
            (Tag::Text(verb), Some(len))
                if is_plain(message.text) && !message.has(flag::MALFORMED) =>
            {
                self.opening.write(line, message, verb);
                plain_text(line, message.text, verb, len);
            }
            _ => {
                line.raw(br#"},"msg":{"interface":"control","tag":"#).text(message.tag());
                let class = message.tag().map(|tag| Class::of(message.target_type(), tag).name());
                line.raw(br#","class":"#).text(class.map(str::as_bytes));
                self.words(line, message);
                line.raw(br#","len":"#).optional(seen);
                line.raw(br#","text":"#).text(seen.map(|_| message.text));
                line.raw(br#","truncated":"#);
            }
        }
        match (message.is_truncated(), message.is_redacted()) {
            (false, false) => line.raw(br#"false,"redacted":false"#),
            (true, _) => line.raw(br#"true,"redacted":false"#),
            (_, true) => line.raw(br#"false,"redacted":true"#),
        };
    }

    fn words(&mut self, line: &mut Object<'_>, message: &Message<'_>) {
        if message.text_len().is_none() || message.has(flag::MALFORMED) {
            line.raw(br#","argv":null"#);
            return;
        }
        line.raw(br#","argv":["#);
        let start = line.0.len();
        message.each_word(&mut self.word, |word| {
            line.comma_since(start).text(Some(word));
        });
        line.raw(b"]");
    }
}

/// What [`Json::text`] writes behind the opening for a text that starts with its verb and is its own
/// form, so that nothing is quoted, and nothing but spaces separates words: at half the cost.
fn plain_text(line: &mut Object<'_>, text: &[u8], verb: &[u8], len: u32) {
    let rest = text.get(verb.len()..).unwrap_or_default();
    for word in rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        line.raw(br#"",""#).plain(word);
    }
    line.raw(br#""],"len":"#).number(len);
    line.raw(br#","text":""#).plain(text);
    line.raw(br#"","truncated":"#);
}

/// Who spoke to what in the last line, and the members that tell it: in a burst, it is the same.
#[derive(Debug, Default)]
struct Subject {
    facts: Facts,
    answer: Answer,
    name: Vec<u8>,
    uuid: Vec<u8>,
    /// From `process` up to `dm`, whose `sector` is still to come; empty before the first line.
    members: Vec<u8>,
}

type Facts = ([u32; 5], [u8; SHORT], [u8; SHORT]);

impl Subject {
    /// Writes `process`, and `dm` up to its sector.
    fn write(&mut self, line: &mut Object<'_>, message: &Message<'_>, context: Context<'_>) {
        let head = message.head;
        let numbers =
            [head.call.pid, head.call.tid, head.call.uid, head.call.dev, head.target_index];
        let facts = (numbers, head.call.comm, head.target_type);
        let is_last = facts == self.facts
            && context == self.answer.context()
            && message.name == self.name
            && message.uuid == self.uuid
            && !self.members.is_empty();
        if is_last {
            return line.0.extend_from_slice(&self.members);
        }
        let start = line.0.len();
        process(line, &head.call, context);
        device(line, message);
        *self = Self {
            facts,
            answer: context.into(),
            name: message.name.to_vec(),
            uuid: message.uuid.to_vec(),
            members: line.0.get(start..).unwrap_or_default().to_vec(),
        };
    }
}

fn process(line: &mut Object<'_>, call: &Call, context: Context<'_>) {
    line.raw(br#","process":{"pid":"#).number(call.pid);
    line.raw(br#","tid":"#).number(call.tid);
    line.raw(br#","uid":"#).number(call.uid);
    line.raw(br#","user":"#).text(context.user);
    line.raw(br#","comm":"#).padded(&call.comm);
    line.raw(br#","exe":"#).text(context.exe);
    line.raw(br#","cgroup":"#).text(context.cgroup);
    line.raw(br#","unit":"#).text(context.unit());
    line.raw(br#","container":"#).text(context.container().as_deref());
    line.raw(br#","ppid":"#).optional(context.parent.map(|parent| parent.pid));
    line.raw(br#","parent":"#).text(context.parent.and_then(|parent| parent.comm));
    line.raw(br#","gone":"#).boolean(context.gone).raw(b"}");
}

fn device(line: &mut Object<'_>, message: &Message<'_>) {
    names(line, message.dev(), [message.name, message.uuid]);
    line.raw(br#","target_type":"#);
    match message.target_type() {
        Some(_) => line.padded(&message.head.target_type),
        None => line.null(),
    };
    line.raw(br#","index":"#).optional(message.target_index());
}

/// Writes the start of `dm`.
fn names(line: &mut Object<'_>, dev: Option<DevT>, names: [&[u8]; 2]) {
    let given = |bytes| Some(bytes).filter(|bytes: &&[u8]| !bytes.is_empty());
    let [name, uuid] = names;
    line.raw(br#","dm":{"dev":"#);
    match dev {
        Some(dev) => line.raw(b"\"").short(Short::dev(dev)).raw(b"\""),
        None => line.null(),
    };
    line.raw(br#","name":"#).text(given(name));
    line.raw(br#","uuid":"#).text(given(uuid));
}

/// Ends `latency_ns` and writes how the call ended, and where it failed, `why`, up to the start of the notes.
#[inline]
fn outcome(line: &mut Object<'_>, ret: i32, why: impl FnOnce() -> Option<&'static str>) {
    if ret == 0 {
        line.raw(br#"},"ret":0,"errno":null,"explanation":null,"notes":["#);
        return;
    }
    line.raw(br#"},"ret":"#).short(Short::signed(ret));
    line.raw(br#","errno":"#);
    match errno_name(ret.saturating_neg()) {
        Some(name) => line.text(Some(name.as_bytes())),
        None => line.null(),
    };
    line.raw(br#","explanation":"#).text(why().map(str::as_bytes));
    line.raw(br#","notes":["#);
}

fn notes(line: &mut Object<'_>, message: &Message<'_>) {
    let start = line.0.len();
    for (_, note) in NOTES.iter().filter(|(flag, _)| message.has(*flag)) {
        line.comma_since(start).text(Some(note.as_bytes()));
    }
}

/// Appends the line of a record that could not be read.
pub fn bad_record(out: &mut Vec<u8>, bad: BadRecord) {
    let mut line = Object(out);
    line.raw(br#"{"schema":"dmmsg/1","type":"bad_record","bytes":"#).number(bad.bytes as u64);
    line.raw(br#","error":"#).text(Some(bad.error.to_string().as_bytes()));
    line.raw(b"}\n");
}

/// Appends the line that tells of messages lost before the next one.
pub fn lost(out: &mut Vec<u8>, count: u64) {
    let mut line = Object(out);
    line.raw(br#"{"schema":"dmmsg/1","type":"lost","count":"#).number(count);
    line.raw(b"}\n");
}

/// Appends the line of the totals, the last one.
pub fn stats(out: &mut Vec<u8>, totals: &Totals) {
    let mut line = Object(out);
    line.raw(br#"{"schema":"dmmsg/1","type":"stats","seen":"#).number(totals.seen);
    line.raw(br#","delivered":"#).number(totals.delivered);
    line.raw(br#","lost":"#).number(totals.lost);
    line.raw(br#","filtered":"#).number(totals.filtered);
    line.raw(br#","in_flight":"#).number(totals.in_flight);
    line.raw(br#","over_budget":"#).number(totals.over_budget);
    line.raw(br#","bad_records":"#).number(totals.bad_records);
    line.raw(b"}\n");
}
