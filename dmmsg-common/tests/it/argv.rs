//! Words, split byte by byte.

use dmmsg_common::argv::{Splitter, Token};
use proptest::prelude::*;

use crate::reference;

fn split(message: &[u8]) -> Vec<Vec<u8>> {
    let mut splitter = Splitter::new();
    let mut tokens: Vec<Token> = message.iter().map(|byte| splitter.step(*byte)).collect();
    tokens.push(splitter.finish());
    let mut argv: Vec<Vec<u8>> = Vec::new();
    for token in tokens {
        match token {
            Token::Nothing => {}
            Token::First(byte) => argv.push(vec![byte]),
            Token::Next(byte) => argv.last_mut().unwrap().push(byte),
        }
    }
    argv
}

fn reference_split(message: &[u8]) -> Vec<Vec<u8>> {
    reference::words(message).iter().map(reference::bytes).collect()
}

#[test]
fn words_of_known_messages() {
    let cases: [(&[u8], &[&[u8]]); 6] = [
        (b"create_thin 7", &[b"create_thin", b"7"]),
        (b" \t\n\x0b\x0c\r\xa0del\\ete\xa098 ", &[b"delete", b"98"]),
        (br"\@stats_list", &[b"@stats_list"]),
        (br"a\ b c\\d e\", &[b"a b", br"c\d", br"e\"]),
        (br"\", &[br"\"]),
        (b"", &[]),
    ];
    for (message, words) in cases {
        assert_eq!(split(message), words);
        assert_eq!(reference_split(message), words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn any_message_splits_as_in_the_kernel(message in proptest::collection::vec(1_u8.., 0..64)) {
        prop_assert_eq!(split(&message), reference_split(&message));
    }

    #[test]
    fn quoted_messages_split_as_in_the_kernel(message in "[a \\\\\t]{0,24}") {
        prop_assert_eq!(split(message.as_bytes()), reference_split(message.as_bytes()));
    }
}
