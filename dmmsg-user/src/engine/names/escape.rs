//! Bytes from strangers, written so that a terminal can show them and a program can read them back.
//!
//! Printable characters stand for themselves. A backslash becomes `\\`; tab, line feed and carriage
//! return become `\t`, `\n` and `\r`; every byte of anything else becomes `\xNN`. "Anything else" is
//! what could change how the rest of a line reads or what cannot be seen: control characters, bidi
//! controls and other format characters, separators other than the space, combining marks,
//! unassigned and private characters, and bytes that are not UTF-8.
//!
//! The form is reversible, whatever the version of Unicode it was written with: a reader undoes the
//! escapes above and takes all other bytes as they are.

/// Appends the escaped form of `bytes`.
pub fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    append::<false>(out, bytes);
}

/// The escaped form of `bytes`, to be part of a text.
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    escape(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends what stands between the quotes of a JSON string whose value is the escaped form.
///
/// A JSON reader gets exactly what [`escape`] writes.
pub fn escape_json(out: &mut Vec<u8>, bytes: &[u8]) {
    append::<true>(out, bytes);
}

/// Whether bytes are plain: printable ASCII but for `\` and `"`, so their own form in both outputs.
#[inline]
pub(in crate::engine) fn is_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else {
        let mut block = [b' '; BLOCK];
        block.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        return is_plain_block(&block);
    };
    // The last block may overlap the one before.
    bytes.as_chunks().0.iter().all(is_plain_block) && is_plain_block(last)
}

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// [`is_plain`] of bytes in a number that makes the loop a few vector instructions.
#[expect(clippy::needless_bitwise_bool, reason = "a vector has no branches")]
#[inline]
pub(in crate::engine) fn is_plain_block(block: &[u8; BLOCK]) -> bool {
    let is_odd =
        |byte: u8| !byte.is_ascii_graphic() & (byte != b' ') | (byte == b'\\') | (byte == b'"');
    !block.iter().fold(false, |odd, byte| odd | is_odd(*byte))
}

fn append<const JSON: bool>(out: &mut Vec<u8>, bytes: &[u8]) {
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        append_escaped::<JSON>(out, bytes);
    }
}

#[cold]
fn append_escaped<const JSON: bool>(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            append_character::<JSON>(out, character);
        }
        append_hex::<JSON>(out, chunk.invalid());
    }
}

fn append_character<const JSON: bool>(out: &mut Vec<u8>, character: char) {
    let named = match character {
        '"' if JSON => return out.extend_from_slice(br#"\""#),
        '"' | '\'' => return out.push(character as u8),
        '\\' => b'\\',
        '\t' => b't',
        '\n' => b'n',
        '\r' => b'r',
        _ => {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            // The standard library escapes just the characters that this module's header lists.
            if character.escape_debug().len() == 1 {
                return out.extend_from_slice(bytes);
            }
            return append_hex::<JSON>(out, bytes);
        }
    };
    append_backslash::<JSON>(out);
    if JSON && named == b'\\' {
        append_backslash::<JSON>(out);
    } else {
        out.push(named);
    }
}

fn append_hex<const JSON: bool>(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        append_backslash::<JSON>(out);
        out.extend_from_slice(&[b'x', hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
}

fn append_backslash<const JSON: bool>(out: &mut Vec<u8>) {
    out.extend_from_slice(if JSON { br"\\" } else { br"\" });
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_json, is_plain};
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        escape(&mut out, bytes);
        String::from_utf8(out).expect("escaped text is UTF-8")
    }

    fn unescaped(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'\\' {
                out.push(byte);
                continue;
            }
            match bytes.next().expect("a backslash is followed by its code") {
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    let digits = str::from_utf8(&digits).unwrap();
                    out.push(u8::from_str_radix(digits, 16).unwrap());
                }
                b't' => out.push(b'\t'),
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                byte => out.push(byte),
            }
        }
        out
    }

    fn check(bytes: &[u8], expected: &Expect) {
        expected.assert_eq(&escaped(bytes));
    }

    #[test]
    fn printable_text_stays() {
        check(b"create_thin 7", &expect!["create_thin 7"]);
        check(b"say \"it's\"", &expect![[r#"say "it's""#]]);
        check("größe 磁盘".as_bytes(), &expect!["größe 磁盘"]);
    }

    #[test]
    fn terminal_controls_are_named() {
        check(b"a\tb\nc\rd\\e", &expect![[r"a\tb\nc\rd\\e"]]);
        check(b"\x1b[2J\x00\x7f", &expect![[r"\x1b[2J\x00\x7f"]]);
        check("\u{9b}2J".as_bytes(), &expect![[r"\xc2\x9b2J"]]);
    }

    #[test]
    fn characters_that_reorder_or_hide_text_are_named() {
        check("a\u{202e}b".as_bytes(), &expect![[r"a\xe2\x80\xaeb"]]);
        check("a\u{2066}b".as_bytes(), &expect![[r"a\xe2\x81\xa6b"]]);
        check("a\u{200b}b\u{feff}".as_bytes(), &expect![[r"a\xe2\x80\x8bb\xef\xbb\xbf"]]);
        check("a\u{2028}b\u{a0}c".as_bytes(), &expect![[r"a\xe2\x80\xa8b\xc2\xa0c"]]);
        check("e\u{301}\u{e0041}".as_bytes(), &expect![[r"e\xcc\x81\xf3\xa0\x81\x81"]]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named() {
        check(b"a\xffb\xc3", &expect![[r"a\xffb\xc3"]]);
    }

    #[test]
    fn every_byte_is_plain_at_every_place_or_at_none() {
        for byte in 0..=u8::MAX {
            let form = [byte];
            let stays = escaped(&form).as_bytes() == form && byte != b'"';
            for len in 1..=40 {
                for at in 0..len {
                    let mut bytes = vec![b'~'; len];
                    bytes[at] = byte;
                    assert_eq!(is_plain(&bytes), stays, "{byte:#x} at {at} of {len}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_are_their_own_form(text in "[ -~]{0,40}") {
            prop_assume!(is_plain(text.as_bytes()));
            prop_assert_eq!(escaped(text.as_bytes()), text);
        }

        #[test]
        fn escaping_is_reversible(bytes: Vec<u8>) {
            prop_assert_eq!(unescaped(&escaped(&bytes)), bytes);
        }

        #[test]
        fn escaped_text_holds_nothing_that_acts_on_a_terminal(text: String) {
            prop_assert!(!escaped(text.as_bytes()).chars().any(char::is_control));
        }

        #[test]
        fn json_reader_gets_the_escaped_form(bytes: Vec<u8>) {
            let mut json = vec![b'"'];
            escape_json(&mut json, &bytes);
            json.push(b'"');
            let read: String = serde_json::from_slice(&json).unwrap();
            prop_assert_eq!(read, escaped(&bytes));
        }
    }
}
