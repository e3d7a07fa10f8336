//! The twin of the kernel's message splitter, one byte at a time.
//!
//! Source: `drivers/md/dm-table.c`, `dm_split_args`, and `lib/ctype.c`, `_ctype`, equal in
//! 5.10, 6.1, 6.12, 7.2 and 7.3.

/// Whether the kernel's `isspace` holds: 9 to 13, 32 and 160.
pub const fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | 32 | 160)
}

/// What one byte of a message means to the splitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Nothing of a word: a separator, or a backslash whose byte is still to come.
    Nothing,
    /// The first byte of a word.
    First(u8),
    /// A further byte of the current word.
    Next(u8),
}

/// The splitter's state between two bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Splitter {
    in_word: bool,
    quoting: bool,
}

impl Splitter {
    /// A splitter at the start of a message.
    pub const fn new() -> Self {
        Self { in_word: false, quoting: false }
    }

    /// Feeds one byte, which must not be the terminating NUL.
    #[inline(always)]
    pub fn step(&mut self, byte: u8) -> Token {
        if self.quoting {
            self.quoting = false;
            return self.word_byte(byte);
        }
        if byte == b'\\' {
            self.quoting = true;
            return Token::Nothing;
        }
        if is_space(byte) {
            self.in_word = false;
            return Token::Nothing;
        }
        self.word_byte(byte)
    }

    /// Ends the message: a backslash that quotes nothing stands for itself.
    #[inline(always)]
    pub fn finish(&mut self) -> Token {
        if self.quoting {
            self.quoting = false;
            return self.word_byte(b'\\');
        }
        Token::Nothing
    }

    #[inline(always)]
    fn word_byte(&mut self, byte: u8) -> Token {
        if self.in_word {
            return Token::Next(byte);
        }
        self.in_word = true;
        Token::First(byte)
    }
}
