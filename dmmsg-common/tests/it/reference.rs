//! What device-mapper's splitter does, said about a whole message at once.

use dmmsg_common::argv::is_space;

/// A word's bytes, each with its offset in the message.
pub type Word = Vec<(usize, u8)>;

/// The words of a message that holds no NUL.
///
/// Source: `drivers/md/dm-table.c`, `dm_split_args`, 5.10 to 7.3.
pub fn words(message: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = message;
    loop {
        while let [space, tail @ ..] = rest
            && is_space(*space)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return words;
        }
        let mut word = Word::new();
        loop {
            let byte = match rest {
                [b'\\', quoted, tail @ ..] => {
                    rest = tail;
                    *quoted
                }
                [byte, tail @ ..] if !is_space(*byte) => {
                    rest = tail;
                    *byte
                }
                _ => break,
            };
            word.push((message.len() - rest.len() - 1, byte));
        }
        words.push(word);
    }
}

/// A word's bytes alone.
pub fn bytes(word: &Word) -> Vec<u8> {
    word.iter().map(|(_, byte)| *byte).collect()
}
