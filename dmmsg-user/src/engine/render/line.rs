//! A line being written at the end of a buffer.

use super::short::Short;
use crate::engine::names::escape::{escape, is_plain};

/// Spaces put behind what did not fit.
const MORE: usize = 128;

/// A line being written, over spaces.
///
/// Values of fixed size are written whole, which takes a move or two, and only then cut to length.
#[derive(Debug)]
pub struct Line<'o> {
    out: &'o mut Vec<u8>,
    /// Where the next byte goes. Up to the buffer's end, spaces follow: most of a line is written
    /// without another look at the buffer's capacity.
    at: usize,
}

impl<'o> Line<'o> {
    /// Starts a line at the end of `out`, which is most often no longer than `ROOM` bytes.
    #[inline]
    pub fn start<const ROOM: usize>(out: &'o mut Vec<u8>) -> Self {
        let at = out.len();
        out.extend_from_slice(&[b' '; ROOM]);
        Self { out, at }
    }

    /// Where the next byte goes, counted from the buffer's start.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What was written from some place on.
    pub fn since(&self, start: usize) -> &[u8] {
        self.out.get(start..self.at).unwrap_or_default()
    }

    /// Goes on at another place; what is skipped is spaces, what is left behind must be.
    pub const fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Appends bytes whose number is known to the compiler.
    #[inline]
    pub fn fixed<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.start_of(bytes, N);
    }

    /// Appends a short value.
    #[inline]
    pub fn short(&mut self, value: Short) {
        self.start_of(&value.bytes(), value.len());
    }

    /// Appends the first `len` bytes; spaces must follow them.
    #[inline]
    fn start_of<const N: usize>(&mut self, bytes: &[u8; N], len: usize) {
        match self.out.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut()) {
            Some(place) => *place = *bytes,
            None => self.append(bytes),
        }
        self.at += len;
    }

    /// Appends bytes that need no escape.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        match self.out.get_mut(self.at..end) {
            Some(place) => place.copy_from_slice(bytes),
            None => self.append(bytes),
        }
        self.at = end;
    }

    /// Appends a number.
    #[inline]
    pub fn number(&mut self, number: u64) {
        match u32::try_from(number) {
            Ok(number) => self.short(Short::number(number)),
            Err(_) => self.large_number(number),
        }
    }

    #[cold]
    fn large_number(&mut self, number: u64) {
        self.bytes(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Appends the escaped form of bytes; returns its width in characters.
    #[inline]
    pub fn escaped(&mut self, bytes: &[u8]) -> usize {
        if is_plain(bytes) {
            self.bytes(bytes);
            return bytes.len();
        }
        self.append_form(bytes)
    }

    /// Ends the line.
    pub fn end(mut self) {
        self.fixed(b"\n");
        self.out.truncate(self.at);
    }

    #[cold]
    fn append(&mut self, bytes: &[u8]) {
        self.out.resize(self.at, b' ');
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(&[b' '; MORE]);
    }

    /// Appends an escaped form; returns its width in characters.
    #[cold]
    fn append_form(&mut self, bytes: &[u8]) -> usize {
        self.out.resize(self.at, b' ');
        escape(self.out, bytes);
        let form = self.out.iter().skip(self.at);
        let width = form.filter(|byte| !is_continuation(**byte)).count();
        self.at = self.out.len();
        self.out.extend_from_slice(&[b' '; MORE]);
        width
    }
}

/// Whether a byte of UTF-8 belongs to a character that started before it.
const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
