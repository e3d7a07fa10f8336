//! What the self-test programs are given and tell, so that user space can compare.

use core::mem::size_of;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    argv::Token,
    secret::Scan,
    verb::{VERB_LEN, Verb},
};

/// Bytes of a text, with its NUL, that a program takes.
pub const TEXT_ROOM: usize = 4096;

/// A text, ended by a NUL.
pub type Text = [u8; TEXT_ROOM];

/// [`code`] of each byte of a text and, in the place of its NUL, of what the text's end gives.
///
/// What follows has no meaning.
pub type Tokens = [u16; TEXT_ROOM];

/// A token as a number.
#[inline]
pub const fn code(token: Token) -> u16 {
    match token {
        Token::Nothing => 0,
        Token::First(byte) => 0x100 | byte as u16,
        Token::Next(byte) => 0x200 | byte as u16,
    }
}

/// All that a scan tells of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Scanned {
    /// Bytes of the text.
    pub length: u32,
    /// Offset of the first secret byte, or [`crate::secret::NO_SECRET`].
    pub secret_from: u32,
    /// 1 where the verb may be shown; else all that follows is zero.
    pub has_verb: u8,
    /// Bytes of the verb.
    pub verb_len: u8,
    /// 1 where the words are longer than a verb may be.
    pub verb_cut: u8,
    /// Zero.
    pub reserved: u8,
    /// The verb, zero-padded unless it is cut.
    pub verb: [u8; VERB_LEN],
}

const _: () = assert!(size_of::<Scanned>() == 44);

impl Scanned {
    /// What a scan that ended tells.
    #[inline]
    pub fn of(scan: &Scan) -> Self {
        let shown = scan.verb();
        let verb = shown.unwrap_or(&const { Verb::new() });
        Self {
            length: scan.length,
            secret_from: scan.secret_from(),
            has_verb: u8::from(shown.is_some()),
            verb_len: verb.len(),
            verb_cut: u8::from(verb.is_cut()),
            reserved: 0,
            verb: *verb.padded(),
        }
    }
}
