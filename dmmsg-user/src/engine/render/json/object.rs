//! JSON, appended to a buffer.

use crate::engine::{
    event::until_nul,
    names::escape::escape_json,
    render::short::{SHORT, Short},
};

/// The buffer's end: `raw` takes JSON, the rest makes values.
pub struct Object<'o>(pub &'o mut Vec<u8>);

impl Object<'_> {
    /// Writes JSON whose length is known to the compiler, so that it is a move or two.
    #[inline]
    pub fn raw<const N: usize>(&mut self, json: &[u8; N]) -> &mut Self {
        self.0.extend_from_slice(json);
        self
    }

    #[inline]
    pub fn short(&mut self, value: Short) -> &mut Self {
        let end = self.0.len() + value.len();
        self.0.extend_from_slice(&value.bytes());
        self.0.truncate(end);
        self
    }

    #[inline]
    pub fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        let number = number.into();
        match u32::try_from(number) {
            Ok(number) => self.short(Short::number(number)),
            Err(_) => self.large_number(number),
        }
    }

    #[cold]
    fn large_number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self
    }

    pub fn null(&mut self) -> &mut Self {
        self.raw(b"null")
    }

    pub fn boolean(&mut self, value: bool) -> &mut Self {
        if value { self.raw(b"true") } else { self.raw(b"false") }
    }

    pub fn optional(&mut self, number: Option<impl Into<u64>>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    /// Writes a comma unless `start` is here.
    pub fn comma_since(&mut self, start: usize) -> &mut Self {
        if self.0.len() > start { self.raw(b",") } else { self }
    }

    pub fn text(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        let Some(bytes) = bytes else {
            return self.null();
        };
        self.raw(b"\"");
        escape_json(self.0, bytes);
        self.raw(b"\"")
    }

    /// Writes a part of a string that is its own form.
    #[inline]
    pub fn plain(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Writes a zero-padded text.
    pub fn padded(&mut self, text: &[u8; SHORT]) -> &mut Self {
        match Short::padded(text) {
            Some(value) => self.raw(b"\"").short(value).raw(b"\""),
            None => self.text(Some(until_nul(text))),
        }
    }
}
