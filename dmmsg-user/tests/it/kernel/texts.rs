//! Texts that are hard to split, or come close to naming a key.

use std::iter;

use dmmsg_common::{selftest::TEXT_ROOM, verb::VERB_LEN};

/// Texts that get a backslash, or another separator, at every place.
const PLAIN: [&[u8]; 6] = [
    b"key set 00ff",
    b"KEY\tSET\t:32:logon:x",
    b"key wipe 00",
    b"key",
    b"create_thin 7",
    b"@stats_list a",
];

/// Texts that are odd as they are.
const ODD: [&[u8]; 22] = [
    b"",
    b" ",
    b" \t\n\x0b\x0c\r\xa0",
    b"\\",
    b"\\\\",
    b"\\\\\\",
    b"\\ ",
    b" \\",
    b"k\\ey set 00ff",
    b"\\k\\e\\y \\s\\e\\t \\00ff",
    b"key\\ set",
    b"key\\ set\\ 00",
    b"key\\\tset 00",
    b"key\\\xa0set\\\\00",
    b"key\\  set 00",
    b"key set00",
    b"key  \x0b set \\",
    b"keyset 00",
    b"key set\xa000",
    b"@",
    b"\\@stats_list 00",
    b"\xff\xfe\x80 \xc3\xa9 \x01\x7f",
];

/// Words, or parts of words, that random texts are made of beside `key` and `set`.
const WORDS: [&[u8]; 8] = [
    b"KEY",
    b"k\\ey",
    b"SeT",
    b"wipe",
    b"00ff",
    b"@",
    b"\xc3\xa9",
    b"a_word_that_is_longer_than_a_verb_may_be",
];

/// What may separate them, or may not.
const GAPS: [&[u8]; 8] = [b" ", b" ", b"\t", b"\x0b", b"\xa0", b"  \r\n", b"\\", b"\\ "];

/// Every odd text.
pub fn odd() -> Vec<Vec<u8>> {
    let mut texts: Vec<_> = ODD.iter().map(|text| text.to_vec()).collect();
    for text in PLAIN {
        texts.push(text.to_vec());
        for at in 0..=text.len() {
            let (start, end) = text.split_at(at);
            texts.extend(
                [&b"\\"[..], b"\\\\", b"\xa0", b"\\ "].map(|odd| [start, odd, end].concat()),
            );
        }
    }
    // Words around the length that fills a verb, alone and as a second word.
    for length in VERB_LEN - 6..VERB_LEN + 3 {
        let word = vec![b'W'; length];
        texts.extend([
            word.clone(),
            [b"key ", &word[..]].concat(),
            [b"@", &word[..], b" x"].concat(),
        ]);
    }
    for byte in [b' ', b'\\', b'k', 0xff] {
        texts.extend([4000, TEXT_ROOM - 1].map(|length| vec![byte; length]));
    }
    texts.push([&[b' '; 4000][..], b"key set 00ff"].concat());
    // Each byte where a key's name, its verb or the key itself would start.
    for byte in 1..=u8::MAX {
        texts.extend(
            [&b""[..], b"key ", b"key set ", b"key\\"].map(|start| [start, &[byte, b'x']].concat()),
        );
    }
    texts
}

/// Random texts without end: mostly short and near to a key's name, some long ones of any bytes.
pub fn random(seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(seed);
    iter::repeat_with(move || random.text())
}

/// Random numbers, equal for equal seeds, none of them zero: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn pick(&mut self, pieces: &[&'static [u8]]) -> &'static [u8] {
        pieces[self.below(pieces.len())]
    }

    fn byte(&mut self) -> u8 {
        1 + self.below(255) as u8
    }

    fn text(&mut self) -> Vec<u8> {
        if self.below(64) == 0 {
            return (0..self.below(2000)).map(|_| self.byte()).collect();
        }
        let mut text = Vec::new();
        for _ in 0..self.below(16) {
            match self.below(32) {
                0..5 => text.extend(b"key"),
                5..9 => text.extend(b"set"),
                9..17 => text.extend(self.pick(&WORDS)),
                17..31 => text.extend(self.pick(&GAPS)),
                _ => text.push(self.byte()),
            }
        }
        text
    }
}
