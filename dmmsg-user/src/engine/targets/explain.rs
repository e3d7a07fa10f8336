//! Why a message failed, in a few words, as far as its error and what is known of it tell.

use dmmsg_common::record::flag;

use super::{
    Failure, Target, Verb, core,
    errno::{EINVAL, ENOMEM, ENXIO},
    find,
};
use crate::engine::event::Message;

const NO_SUCH_MESSAGE: &str = "the target has no such message";
const WORDS: &str = "the number of arguments is wrong";

/// What device-mapper answers to any message.
const ANY_MESSAGE: &[Failure] =
    &[(ENXIO, "the device is being removed"), (ENOMEM, "the kernel ran out of memory")];

/// Target types without a message method.
///
/// Source: `struct target_type` of each in `drivers/md`, versions checked: all; `inlinecrypt` is
/// in 7.2 and 7.3 alone.
pub const SILENT: &[&str] = &[
    "linear",
    "striped",
    "thin",
    "error",
    "zero",
    "snapshot",
    "snapshot-origin",
    "snapshot-merge",
    "verity",
    "integrity",
    "mirror",
    "delay",
    "flakey",
    "unstriped",
    "ebs",
    "inlinecrypt",
];

/// Why a message failed; nothing where it did not, or where nobody can tell.
///
/// Where an error has several causes that the record does not tell apart, all are named.
/// The order is that of the kernel's own checks.
///
/// Source: `drivers/md/dm-ioctl.c`, `target_message`; versions checked: all, equal but that 5.10
/// lets a message to a device without a table succeed.
#[cold]
pub fn explain(message: &Message<'_>) -> Option<&'static str> {
    let errno = message.head.call.ret.checked_neg().filter(|errno| *errno > 0)?;
    if message.has(flag::NO_LOOKUP) {
        return None;
    }
    if errno == EINVAL
        && let Some(why) = refusal(message)
    {
        return Some(why);
    }
    if message.has(flag::NO_DEVICE) {
        return (errno == ENXIO).then_some("there is no such device");
    }
    let tag = message.tag();
    if let Some(tag) = tag.filter(|tag| tag.starts_with(b"@")) {
        return match core::CORE.verb(tag) {
            Some(verb) => of_verb(message, verb, &[], errno),
            None if errno == EINVAL => Some("device-mapper has no such message"),
            None => meaning(ANY_MESSAGE, errno),
        };
    }
    match message.target_type().and_then(find) {
        Some(target) => of_target(message, target, tag, errno),
        None => meaning(ANY_MESSAGE, errno),
    }
}

/// What keeps a message from any handler, with EINVAL.
fn refusal(message: &Message<'_>) -> Option<&'static str> {
    if message.has(flag::NO_DEVICE) {
        return None;
    }
    if message.has(flag::MALFORMED) {
        return Some("the text has no end, or no place in the sender's buffer");
    }
    if message.has(flag::UNREADABLE) {
        return None;
    }
    let tag = message.tag();
    if tag.is_none() && !message.is_redacted() && !message.is_truncated() {
        return Some("the message is empty");
    }
    if tag.is_some_and(|tag| tag.starts_with(b"@")) {
        return None;
    }
    if message.has(flag::NO_TABLE) {
        return Some("the device has no live table");
    }
    let Some(name) = message.target_type() else {
        return Some("the sector is not in the device's table");
    };
    let is_silent = SILENT.iter().any(|silent| silent.as_bytes() == name);
    is_silent.then_some("targets of this type take no messages")
}

fn of_target(
    message: &Message<'_>,
    target: &Target,
    tag: Option<&[u8]>,
    errno: i32,
) -> Option<&'static str> {
    match tag.map(|tag| target.verb(tag)) {
        Some(Some(verb)) => of_verb(message, verb, target.failures, errno),
        Some(None) if errno == EINVAL => Some(NO_SUCH_MESSAGE),
        _ => meaning(target.failures, errno).or_else(|| meaning(ANY_MESSAGE, errno)),
    }
}

fn of_verb(
    message: &Message<'_>,
    verb: &Verb,
    of_target: &[Failure],
    errno: i32,
) -> Option<&'static str> {
    if errno == EINVAL
        && let Some(why) = miscount(message, verb)
    {
        return Some(why);
    }
    [verb.failures, of_target, ANY_MESSAGE].iter().find_map(|failures| meaning(failures, errno))
}

/// Whether the message has other words than its verb takes, where all of them are known.
fn miscount(message: &Message<'_>, verb: &Verb) -> Option<&'static str> {
    if message.is_redacted() || message.is_truncated() {
        return None;
    }
    let mut words = 0;
    message.each_word(&mut Vec::new(), |_| words += 1);
    let of_verb = verb.tag.split(' ').count();
    let (least, most) = verb.words;
    match usize::checked_sub(words, of_verb) {
        // `key\ wipe` is one word to the kernel.
        None => Some(NO_SUCH_MESSAGE),
        Some(behind) => (behind < least || behind > most).then_some(WORDS),
    }
}

fn meaning(failures: &[Failure], errno: i32) -> Option<&'static str> {
    failures.iter().find(|(number, _)| *number == errno).map(|(_, meaning)| *meaning)
}
