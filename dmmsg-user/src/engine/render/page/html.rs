//! HTML, appended to a buffer.

use std::fmt::{self, Write};

use crate::engine::{names::escape::escaped, render::duration::Duration};

/// A narrow space, between groups of digits.
const NARROW_SPACE: char = '\u{202f}';

/// A document being written: `raw` takes markup of our own, all else is escaped.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// The document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    /// Writes markup.
    pub fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Writes text, within an element or a quoted attribute.
    pub fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
        self
    }

    /// Writes bytes from strangers: as in every output, and then as HTML.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.text(escaped(bytes))
    }

    /// Writes a number for people, and as it is for programs.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.data(number, Grouped(number))
    }

    /// Writes a time in ns.
    pub fn duration(&mut self, ns: u64) -> &mut Self {
        self.data(ns, Duration(ns))
    }

    fn data(&mut self, value: u64, shown: impl fmt::Display) -> &mut Self {
        self.raw("<data value=\"").text(value).raw("\">").text(shown).raw("</data>")
    }
}

struct Escaping<'o>(&'o mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// A number in groups of three digits.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_char(NARROW_SPACE)?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Grouped, Html};

    #[test]
    fn digits_come_in_threes() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")]
        {
            assert_eq!(Grouped(number).to_string().replace('\u{202f}', " "), expected);
        }
    }

    #[test]
    fn no_text_is_markup() {
        let mut html = Html::default();
        html.bytes(b"<a b='c' d=\"e\">&\n\xff");
        let text = String::from_utf8(html.into_bytes()).unwrap();
        assert_eq!(text, "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\\n\\xff");
    }
}
