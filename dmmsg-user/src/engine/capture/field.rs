//! Lists of tagged values, which later versions may add to.
//!
//! A field is a tag of one byte, a length of two, and so many bytes. Tag 0 is no field: it ends the
//! list, as zero padding does. A reader skips tags that it does not know.

use bytes::{Buf, BufMut};

/// Bytes of a value that is written at most, which no path is longer than, and no kernel stack of 64
/// functions is likely to be.
pub const VALUE_MAX: usize = 4 << 10;

/// Appends a field, if there is a value; one that is too long is cut.
pub fn put(out: &mut impl BufMut, tag: u8, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    let value = value.get(..VALUE_MAX).unwrap_or(value);
    out.put_u8(tag);
    #[expect(clippy::cast_possible_truncation, reason = "cut above")]
    out.put_u16_le(value.len() as u16);
    out.put_slice(value);
}

/// The fields of a list; `None` in place of one whose value is not all there, the last.
pub fn fields(mut list: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    std::iter::from_fn(move || {
        let tag = list.try_get_u8().ok().filter(|tag| *tag != 0)?;
        let value = list.try_get_u16_le().ok().and_then(|n| list.split_off(..usize::from(n)));
        if value.is_none() {
            list = &[];
        }
        Some(value.map(|value| (tag, value)))
    })
}

/// Whether every field's value is all there.
pub fn is_whole(list: &[u8]) -> bool {
    fields(list).all(|field| field.is_some())
}
