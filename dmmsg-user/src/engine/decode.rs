//! A record's bytes, read as a message.
//!
//! The record comes from our own kernel programs, and later from files: it is checked as any other
//! input, and nothing that is wrong with it can make this module panic or read elsewhere.

use dmmsg_common::{
    record::{ABI, KIND_MESSAGE, MessageHead, RecordHeader, flag, padded},
    secret::Scan,
};
use thiserror::Error;
use zerocopy::FromBytes;

use super::event::{Message, Tag};

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
pub fn decode(record: &[u8]) -> Result<Message<'_>, DecodeError> {
    let header: RecordHeader = fixed_part(record)?.0;
    if header.abi != ABI {
        return Err(DecodeError::Abi { got: header.abi });
    }
    if header.kind != KIND_MESSAGE {
        return Err(DecodeError::Kind { got: header.kind });
    }
    if usize::try_from(header.size) != Ok(record.len()) {
        return Err(DecodeError::Size { got: record.len(), claimed: header.size });
    }
    let (head, texts): (MessageHead, _) = fixed_part(record)?;
    let [text, verb, name, uuid] =
        split(texts, [head.text_bytes, head.verb_bytes, head.name_bytes, head.uuid_bytes])?;
    let mut message = Message {
        head,
        name,
        uuid,
        text,
        tag: Tag::Unknown,
        redacted: head.flags & flag::REDACTED != 0,
    };
    if message.has(flag::SCANNED) {
        message.tag = Tag::Kernel(verb);
    } else if !message.redacted {
        scan(&mut message);
    }
    Ok(message)
}

fn fixed_part<T: FromBytes>(record: &[u8]) -> Result<(T, &[u8]), DecodeError> {
    T::read_from_prefix(record)
        .map_err(|_| DecodeError::Short { got: record.len(), needed: size_of::<T>() })
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

/// Finds the verb of a text that the kernel had no reason to scan.
///
/// Should the text hold a secret after all, it is cut here as the kernel would have cut it.
fn scan(message: &mut Message<'_>) {
    let strict = message.target_type() == Some(b"crypt") || message.has(flag::SECURE);
    let mut scan = Scan::new(strict);
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
