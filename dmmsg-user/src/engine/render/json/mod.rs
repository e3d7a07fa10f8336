//! Events as JSON, one object a line, by the schema `dmmsg/1`.
//!
//! The lines are appended by hand, without a value per field: 10 M a second on one core of an AMD
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

mod object;
mod opening;

use dmmsg_common::record::flag;

use self::{object::Object, opening::Opening};
use super::short::{SHORT, Short};
use crate::engine::{
    clock::Clock,
    enrich::Context,
    event::{BadRecord, Message, Tag},
    names::{errno::errno_name, escape::is_plain},
    tally::Totals,
    targets::{Class, explain},
};

const NOTES: [(u32, &str); 7] = [
    (flag::LEN_AT_LEAST, "len_at_least"),
    (flag::NO_DEVICE, "no_device"),
    (flag::NO_TABLE, "no_table"),
    (flag::MALFORMED, "malformed"),
    (flag::SECURE, "secure"),
    (flag::NO_LOOKUP, "no_lookup"),
    (flag::UNREADABLE, "unreadable"),
];

/// Writes messages as JSON.
#[derive(Debug)]
pub struct Json {
    clock: Clock,
    word: Vec<u8>,
    last: Subject,
    opening: Opening,
}

impl Json {
    /// A writer; the clock must show UTC.
    pub fn new(clock: Clock) -> Self {
        Self { clock, word: Vec::new(), last: Subject::default(), opening: Opening::default() }
    }

    /// Appends the line of a message.
    pub fn message(&mut self, out: &mut Vec<u8>, message: &Message<'_>, context: Context<'_>) {
        let head = message.head;
        let mut line = Object(out);
        line.raw(br#"{"schema":"dmmsg/1","type":"message","time":""#);
        line.raw(&self.clock.rfc3339(head.boot_ns));
        line.raw(br#"","seq":"#).number(head.seq);
        line.raw(br#","cpu":"#).number(head.cpu);
        line.raw(br#","lost_before":"#).number(head.lost);
        self.last.write(&mut line, message, context);
        line.raw(br#","sector":"#).optional(message.sector());
        self.text(&mut line, message);
        line.raw(br#"},"latency_ns":{"total":"#).number(head.latency_ns);
        if head.ret == 0 {
            line.raw(br#","handler":null},"ret":0,"errno":null,"explanation":null,"notes":["#);
        } else {
            failed(&mut line, message);
        }
        notes(&mut line, message);
        line.raw(b"]}\n");
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
    exe: Option<Vec<u8>>,
    cgroup: Option<Vec<u8>>,
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
        let numbers = [head.pid, head.tid, head.uid, head.dev, head.target_index];
        let facts = (numbers, head.comm, head.target_type);
        let is_last = facts == self.facts
            && context.exe == self.exe.as_deref()
            && context.cgroup == self.cgroup.as_deref()
            && message.name == self.name
            && message.uuid == self.uuid
            && !self.members.is_empty();
        if is_last {
            return line.0.extend_from_slice(&self.members);
        }
        let start = line.0.len();
        process(line, message, context);
        device(line, message);
        *self = Self {
            facts,
            exe: context.exe.map(<[u8]>::to_vec),
            cgroup: context.cgroup.map(<[u8]>::to_vec),
            name: message.name.to_vec(),
            uuid: message.uuid.to_vec(),
            members: line.0.get(start..).unwrap_or_default().to_vec(),
        };
    }
}

fn process(line: &mut Object<'_>, message: &Message<'_>, context: Context<'_>) {
    let head = message.head;
    line.raw(br#","process":{"pid":"#).number(head.pid);
    line.raw(br#","tid":"#).number(head.tid);
    line.raw(br#","uid":"#).number(head.uid);
    line.raw(br#","comm":"#).padded(&head.comm);
    line.raw(br#","exe":"#).text(context.exe);
    line.raw(br#","cgroup":"#).text(context.cgroup).raw(b"}");
}

fn device(line: &mut Object<'_>, message: &Message<'_>) {
    let given = |bytes| Some(bytes).filter(|bytes: &&[u8]| !bytes.is_empty());
    line.raw(br#","dm":{"dev":"#);
    match message.dev() {
        Some(dev) => line.raw(b"\"").short(Short::dev(dev)).raw(b"\""),
        None => line.null(),
    };
    line.raw(br#","name":"#).text(given(message.name));
    line.raw(br#","uuid":"#).text(given(message.uuid));
    line.raw(br#","target_type":"#);
    match message.target_type() {
        Some(_) => line.padded(&message.head.target_type),
        None => line.null(),
    };
    line.raw(br#","index":"#).optional(message.target_index());
}

fn failed(line: &mut Object<'_>, message: &Message<'_>) {
    let ret = message.head.ret;
    line.raw(br#","handler":null},"ret":"#).short(Short::signed(ret));
    line.raw(br#","errno":"#);
    match errno_name(ret.saturating_neg()) {
        Some(name) => line.text(Some(name.as_bytes())),
        None => line.null(),
    };
    line.raw(br#","explanation":"#).text(explain(message).map(str::as_bytes));
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
    line.raw(br#","bad_records":"#).number(totals.bad_records);
    line.raw(b"}\n");
}
