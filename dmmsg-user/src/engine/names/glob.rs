//! A shell pattern for names that are bytes.
//!
//! `*` stands for any bytes, `?` for one byte, `[a-z]` for one byte of a set and `[!a-z]` for one
//! outside it; a backslash makes the next byte stand for itself. A pattern matches a whole name.
//! Only the last `*` that was met is ever tried again, so the work is at most the product of the two
//! lengths, whatever the pattern.

use thiserror::Error;

/// Why a pattern cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GlobError {
    /// A set is not closed.
    #[error("the set that starts at byte {at} has no closing ]")]
    OpenSet {
        /// Offset of the set's bracket in the pattern.
        at: usize,
    },
    /// A backslash ends the pattern.
    #[error("the backslash at the end quotes nothing")]
    OpenQuote,
}

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    AnyByte,
    AnyRun,
    Set(Box<ByteSet>),
}

impl Part {
    fn holds(&self, byte: u8) -> bool {
        match self {
            Self::Byte(wanted) => *wanted == byte,
            Self::AnyByte => true,
            Self::AnyRun => false,
            Self::Set(set) => set.holds(byte),
        }
    }
}

impl Glob {
    /// Whether a text has any of the bytes that make it a pattern rather than a name.
    pub fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?', '[', '\\'])
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// A set without an end, or a backslash at the end.
    pub fn parse(pattern: &str) -> Result<Self, GlobError> {
        let mut parts = Vec::new();
        let mut bytes = pattern.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            parts.push(match byte {
                b'*' => Part::AnyRun,
                b'?' => Part::AnyByte,
                b'\\' => Part::Byte(bytes.next().ok_or(GlobError::OpenQuote)?.1),
                b'[' => {
                    let mut members = bytes.by_ref().map(|(_, byte)| byte);
                    let set = ByteSet::parse(&mut members);
                    Part::Set(Box::new(set.ok_or(GlobError::OpenSet { at })?))
                }
                _ => Part::Byte(byte),
            });
        }
        Ok(Self { parts })
    }

    /// Whether the whole of `name` fits the pattern.
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        // After the last `*`: the part behind it, and where in the name that part was last tried.
        let mut retry = None;
        while let Some(&byte) = name.get(at) {
            match self.parts.get(part) {
                Some(Part::AnyRun) => {
                    part += 1;
                    retry = Some((part, at));
                }
                Some(wanted) if wanted.holds(byte) => {
                    part += 1;
                    at += 1;
                }
                _ => {
                    let Some((behind_run, tried)) = retry else {
                        return false;
                    };
                    part = behind_run;
                    at = tried + 1;
                    retry = Some((part, at));
                }
            }
        }
        self.parts.iter().skip(part).all(|rest| *rest == Part::AnyRun)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByteSet {
    members: [bool; 256],
}

impl ByteSet {
    /// Reads what follows the opening bracket, up to and with the closing one.
    ///
    /// A `]` that comes first is a member, as in every shell.
    fn parse(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let mut bytes = bytes.peekable();
        let negated = bytes.next_if(|byte| matches!(byte, b'!' | b'^')).is_some();
        let mut members = [negated; 256];
        let mut low = bytes.next()?;
        loop {
            let mut next = bytes.next()?;
            let mut high = low;
            if next == b'-' && bytes.peek() != Some(&b']') {
                high = bytes.next()?;
                next = bytes.next()?;
            }
            for byte in low..=high {
                members[usize::from(byte)] = !negated;
            }
            if next == b']' {
                return Some(Self { members });
            }
            low = next;
        }
    }

    fn holds(&self, byte: u8) -> bool {
        self.members[usize::from(byte)]
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, GlobError};
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn names_that_fit() {
        for (pattern, name) in [
            ("", ""),
            ("*", ""),
            ("vg-*", "vg-pool"),
            ("*-pool", "vg-thin-pool"),
            ("vg*p*l", "vg-pxpool"),
            ("LVM-????", "LVM-a1B2"),
            ("disk[0-9]", "disk7"),
            ("disk[!0-9]", "diska"),
            ("disk[^0-9]", "disk-"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            (r"\*\[", "*["),
            ("?", "\u{7f}"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn names_that_do_not_fit() {
        for (pattern, name) in [
            ("", "a"),
            ("?", ""),
            ("vg-*", "vg"),
            ("*-pool", "vg-pool2"),
            ("disk[0-9]", "disk"),
            ("disk[!0-9]", "disk7"),
            ("[z-a]", "b"),
            ("A", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_that_cannot_be_read() {
        for (pattern, error) in [
            ("ab[c", GlobError::OpenSet { at: 2 }),
            ("[]", GlobError::OpenSet { at: 0 }),
            ("[a-", GlobError::OpenSet { at: 0 }),
            ("a\\", GlobError::OpenQuote),
        ] {
            assert_eq!(Glob::parse(pattern), Err(error), "{pattern}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert!(!matches(&"*a".repeat(60), &"a".repeat(59)));
        assert!(!matches(&format!("{}b", "*a".repeat(40)), &"a".repeat(128)));
    }

    /// The definition itself, exponential and plain.
    fn fits(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
            (Some((b'?', rest)), Some((_, tail))) => fits(rest, tail),
            (Some((byte, rest)), Some((found, tail))) => byte == found && fits(rest, tail),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &name), fits(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn no_pattern_panics(pattern: String, name: Vec<u8>) {
            if let Ok(glob) = Glob::parse(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
