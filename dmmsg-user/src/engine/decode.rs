//! A record's bytes, read as an event.
//!
//! The record comes from our own kernel programs, and later from files: it is checked as any other
//! input, and nothing that is wrong with it can make this module panic or read elsewhere.

use dmmsg_common::{
    record::{
        ABI, DirectHead, IoctlHead, KIND_DIRECT, KIND_IOCTL, KIND_MESSAGE, MessageHead,
        RecordHeader, flag, padded,
    },
    secret::{Scan, may_name_key},
    verb::VERB_LEN,
};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{
    direct::Direct,
    event::{Event, Message, Tag},
    ioctl::Ioctl,
};

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The record ends before its fixed part does.
    #[error("the record has {got} bytes, its fixed part {needed}")]
    Short {
        /// Bytes there are.
        got: usize,
        /// Bytes there must be.
        needed: usize,
    },
    /// The record does not start at a multiple of 8 bytes, as the ring's records do.
    #[error("the record does not start at a whole word")]
    Unaligned,
    /// Another version of the layout wrote the record.
    #[error("the record has layout {got}, this program reads {ABI}")]
    Abi {
        /// The writer's version.
        got: u16,
    },
    /// The record is of no kind that this version knows.
    #[error("the record is of unknown kind {got}")]
    Kind {
        /// The record's kind.
        got: u16,
    },
    /// The record is not as long as its header says.
    #[error("the record has {got} bytes, its header says {claimed}")]
    Size {
        /// Bytes there are.
        got: usize,
        /// Bytes that the header says.
        claimed: u32,
    },
    /// The record's texts do not fill it.
    #[error("the record's texts have {claimed} bytes, there are {got}")]
    Texts {
        /// Bytes there are behind the fixed part.
        got: usize,
        /// Bytes that the texts need, padding included.
        claimed: usize,
    },
}

/// Reads one record.
///
/// A verb that the kernel did not look for is found here, by the same source.
///
/// # Errors
/// The record is not one that this version's kernel programs write.
pub fn decode(record: &[u8]) -> Result<Event<'_>, DecodeError> {
    let (header, _) = fixed_part::<RecordHeader>(record)?;
    if header.abi != ABI {
        return Err(DecodeError::Abi { got: header.abi });
    }
    if !matches!(header.kind, KIND_MESSAGE | KIND_DIRECT | KIND_IOCTL) {
        return Err(DecodeError::Kind { got: header.kind });
    }
    if usize::try_from(header.size) != Ok(record.len()) {
        return Err(DecodeError::Size { got: record.len(), claimed: header.size });
    }
    match header.kind {
        KIND_DIRECT => direct(record).map(Event::Direct),
        KIND_IOCTL => ioctl(record).map(Event::Ioctl),
        _ => message(record).map(Event::Message),
    }
}

fn message(record: &[u8]) -> Result<Message<'_>, DecodeError> {
    let (head, texts) = fixed_part::<MessageHead>(record)?;
    let [text, verb, name, uuid] =
        split(texts, [head.text_bytes, head.verb_bytes, head.name_bytes, head.uuid_bytes])?;
    let redacted = head.flags & flag::REDACTED != 0;
    let mut message = Message { head, name, uuid, text, tag: Tag::Unknown, redacted };
    if message.has(flag::SCANNED) {
        message.tag = Tag::Kernel(verb);
    } else if !redacted {
        match plain_verb(text, texts) {
            Some(verb) if !message.is_strict() => message.tag = Tag::Text(verb),
            _ => scan(&mut message),
        }
    }
    Ok(message)
}

fn direct(record: &[u8]) -> Result<Direct<'_>, DecodeError> {
    let (head, texts) = fixed_part::<DirectHead>(record)?;
    let [name, uuid] = split(texts, [head.name_bytes, head.uuid_bytes])?;
    Ok(Direct { head, name, uuid })
}

fn ioctl(record: &[u8]) -> Result<Ioctl<'_>, DecodeError> {
    let (head, texts) = fixed_part::<IoctlHead>(record)?;
    let [name, uuid] = split(texts, [head.name_bytes, head.uuid_bytes])?;
    Ok(Ioctl { head, name, uuid })
}

fn fixed_part<T>(record: &[u8]) -> Result<(&T, &[u8]), DecodeError>
where
    T: FromBytes + Immutable + KnownLayout,
{
    T::ref_from_prefix(record).map_err(|_| {
        let (got, needed) = (record.len(), size_of::<T>());
        if got < needed { DecodeError::Short { got, needed } } else { DecodeError::Unaligned }
    })
}

/// Cuts `texts` into pieces of the given lengths, padded but for the last, which must use it up.
fn split<const N: usize>(texts: &[u8], lengths: [u16; N]) -> Result<[&[u8]; N], DecodeError> {
    let mut pieces = [&[][..]; N];
    let mut start = 0;
    let mut end = 0;
    for (piece, length) in pieces.iter_mut().zip(lengths) {
        end = start + usize::from(length);
        let Some(text) = texts.get(start..end) else {
            return Err(wrong_texts(texts, &lengths));
        };
        *piece = text;
        start = padded(end);
    }
    if end == texts.len() { Ok(pieces) } else { Err(wrong_texts(texts, &lengths)) }
}

#[cold]
fn wrong_texts(texts: &[u8], lengths: &[u16]) -> DecodeError {
    let claimed = lengths.iter().fold(0, |end, length| padded(end) + usize::from(*length));
    DecodeError::Texts { got: texts.len(), claimed }
}

/// The first word of a text, if it is a canonical verb as it stands and the text can hold no secret
/// unless the message is strict: what [`scan`] finds in most texts, at a tenth of the cost.
///
/// `from_text` is the record from the text on, the text's padding included.
fn plain_verb<'a>(text: &'a [u8], from_text: &[u8]) -> Option<&'a [u8]> {
    let mut letters = 0;
    for word in from_text.as_chunks().0 {
        let in_word = leading_letters(u64::from_le_bytes(*word));
        letters += in_word;
        if in_word < 8 {
            break;
        }
    }
    let (verb, rest) = text.split_at_checked(letters).unwrap_or((text, &[]));
    let is_whole = rest.first().is_none_or(|next| *next == b' ');
    let is_harmless = verb.first().is_some_and(|first| !may_name_key(*first));
    (is_whole && is_harmless && verb.len() < VERB_LEN).then_some(verb)
}

/// How many bytes at a word's start are from `_` to `~`, small letters among them.
///
/// The first sum carries into the top bit of just those bytes that are not below `_`, the second of
/// those that are DEL.
const fn leading_letters(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x80 * ONES;

    let low = word & !TOPS;
    let letters = (low + (0x80 - b'_' as u64) * ONES) & !(low + ONES) & !word & TOPS;
    (letters ^ TOPS).trailing_zeros() as usize / 8
}

/// Finds the verb of a text that the kernel had no reason to scan.
///
/// Should the text hold a secret after all, it is cut here as the kernel would have cut it.
fn scan(message: &mut Message<'_>) {
    let mut scan = Scan::new(message.is_strict());
    for &byte in message.text {
        scan.step(byte);
        if scan.is_settled() {
            break;
        }
    }
    scan.finish();
    if let Some(verb) = scan.verb() {
        message.tag = Tag::Host(*verb);
    }
    if let Some(open) = message.text.get(..scan.secret_from() as usize) {
        message.text = open;
        message.redacted = true;
    }
}
