//! Records, decoded.

use std::mem::offset_of;

use dmmsg::engine::{
    decode::{DecodeError, decode},
    event::{Event, Message},
};
use dmmsg_common::{
    argv::{Splitter, Token},
    record::{ABI, KIND_MESSAGE, MessageHead, RecordHeader, flag},
    secret::{NO_SECRET, Scan},
    verb::Verb,
};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

use crate::sample::Sample;

/// The message of a record that is one.
pub fn read(record: &[u8]) -> Message<'_> {
    match decode(record) {
        Ok(Event::Message(message)) => message,
        other => panic!("not a message: {other:?}"),
    }
}

fn tag(target_type: &str, text: &str) -> Option<String> {
    let record = Sample::sent(target_type, text.as_bytes()).record();
    let tag = read(&record).tag().map(<[u8]>::to_vec);
    tag.map(|tag| String::from_utf8(tag).unwrap())
}

fn words(message: &Message<'_>) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    message.each_word(&mut Vec::new(), |word| words.push(word.to_vec()));
    words
}

#[test]
fn tag_is_the_canonical_verb_whoever_scanned_the_text() {
    assert_eq!(tag("thin-pool", "Create_Thin 7").as_deref(), Some("create_thin"));
    assert_eq!(tag("thin-pool", r" del\ete 98").as_deref(), Some("delete"));
    assert_eq!(tag("crypt", "key  SET 00ff").as_deref(), Some("key set"));
    assert_eq!(tag("raid", "@stats_list dmstats").as_deref(), Some("@stats_list"));
    assert_eq!(tag("crypt", "00ff").as_deref(), None);
    assert_eq!(tag("raid", "  ").as_deref(), None);
}

#[test]
fn a_key_that_the_kernel_let_through_is_cut_here() {
    let mut sample = Sample::sent("crypt", b"key set 00ff");
    sample.head.flags &= !(flag::SCANNED | flag::REDACTED);
    sample.verb.clear();
    sample.text = b"key set 00ff".to_vec();
    let record = sample.record();
    let message = read(&record);
    assert_eq!((message.text, message.is_redacted()), (&b"key set "[..], true));
}

#[test]
fn a_quote_at_the_end_of_a_cut_text_is_no_word() {
    let text = [&b"mark "[..], &[b'x'; 1018], b"\\ y"].concat();
    let record = Sample::sent("log-writes", &text).record();
    let words = words(&read(&record));
    assert_eq!(words, [&b"mark"[..], &[b'x'; 1018]]);
}

#[test]
fn records_that_are_not_ours() {
    let record = Sample::sent("crypt", b"key wipe").record();
    let head_bytes = size_of::<MessageHead>();
    let error = |record: &[u8]| decode(record).unwrap_err();

    assert_eq!(error(&record[..7]), DecodeError::Short { got: 7, needed: 8 });
    let claimed = record.len() as u32;
    assert_eq!(error(&record[..40]), DecodeError::Size { got: 40, claimed });

    let mut short = record[..40].to_vec();
    short[4..8].copy_from_slice(&40_u32.to_le_bytes());
    assert_eq!(error(&short), DecodeError::Short { got: 40, needed: head_bytes });

    let other_abi = [&[9, 0], &record[2..]].concat();
    assert_eq!(error(&other_abi), DecodeError::Abi { got: 9 });
    let other_kind = [&record[..2], &[7, 0], &record[4..]].concat();
    assert_eq!(error(&other_kind), DecodeError::Kind { got: 7 });

    let texts = record.len() - head_bytes;
    let uuid_bytes = offset_of!(MessageHead, uuid_bytes);
    for (wrong, difference) in [(uuid_bytes, 1), (offset_of!(MessageHead, name_bytes), 8)] {
        let mut longer = record.clone();
        longer[wrong] += difference;
        let claimed = texts + usize::from(difference);
        assert_eq!(error(&longer), DecodeError::Texts { got: texts, claimed });
    }
    let mut shorter = record;
    shorter[uuid_bytes] -= 1;
    assert_eq!(error(&shorter), DecodeError::Texts { got: texts, claimed: texts - 1 });
}

/// A record that is well-formed up to its texts, whose lengths most often add up.
fn arbitrary_record() -> impl Strategy<Value = Vec<u8>> {
    let head = any::<[u8; size_of::<MessageHead>()]>();
    let texts = proptest::collection::vec(any::<u8>(), 0..64);
    let lengths = any::<[u8; 3]>().prop_map(|lengths| lengths.map(|length| u16::from(length % 20)));
    (head, texts, lengths).prop_map(|(head, texts, [text, verb, name])| {
        let mut head = MessageHead::read_from_bytes(&head).unwrap();
        let size = (size_of::<MessageHead>() + texts.len()) as u32;
        head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size };
        (head.text_bytes, head.verb_bytes, head.name_bytes) = (text, verb, name);
        head.uuid_bytes = (texts.len() as u16).wrapping_sub(text + verb + name);
        [head.as_bytes(), &texts].concat()
    })
}

fn use_all_of(message: &Message<'_>) {
    words(message);
    let _ = (message.comm(), message.dev(), message.target_type(), message.target_index());
    let _ = (message.sector(), message.text_len(), message.tag(), message.hidden_bytes());
    let _ = (message.is_redacted(), message.is_truncated());
}

/// A record of a text that the kernel did not scan, whatever it looks like.
fn unscanned(target_type: &str, text: &[u8], secure: bool) -> Sample {
    let mut sample = Sample::sent(target_type, text).with(|head| {
        head.flags = if secure { flag::SECURE } else { 0 };
    });
    sample.verb.clear();
    sample.text = text.to_vec();
    sample
}

proptest! {
    #[test]
    fn a_text_that_was_not_scanned_is_read_as_the_scan_would(
        text in r"[_a-z]{0,34}[\\A-Z@ \t\u{a0}~\x7f-]?[_a-z]{0,9}( ?[0-9a-z]{1,9}){0,2}",
        key in prop::sample::select(vec!["", "key set ", r"k\ey set", "key", "k", " "]),
        target_type in prop::sample::select(vec!["raid", "crypt", "cryptx"]),
        secure: bool,
        named: bool,
    ) {
        let text = format!("{key}{text}").into_bytes();
        let mut sample = unscanned(target_type, &text, secure);
        if !named {
            sample.name.clear();
            sample.uuid.clear();
        }
        let mut scan = Scan::new(secure || target_type == "crypt");
        for byte in &text {
            scan.step(*byte);
        }
        scan.finish();
        let verb = scan.verb().map(Verb::as_bytes).filter(|verb| !verb.is_empty());
        let open = text.len().min(scan.secret_from() as usize);
        let record = sample.record();
        let message = read(&record);
        prop_assert_eq!(message.tag(), verb);
        prop_assert_eq!(message.text, &text[..open]);
        prop_assert_eq!(message.is_redacted(), scan.secret_from() != NO_SECRET);
    }

    #[test]
    fn no_bytes_panic(record: Vec<u8>) {
        if let Event::Message(message) = Event::from_record(&record) {
            use_all_of(&message);
        }
    }

    #[test]
    fn no_head_panics(record in arbitrary_record()) {
        if let Event::Message(message) = Event::from_record(&record) {
            use_all_of(&message);
        }
    }

    #[test]
    fn a_record_gives_back_what_was_sent(text in "[a-z\\\\ @]{0,40}") {
        let sample = Sample::sent("thin-pool", text.as_bytes());
        let record = sample.record();
        let message = read(&record);
        prop_assert_eq!(message.head.call.seq, sample.head.call.seq);
        prop_assert_eq!(message.name, &sample.name);
        prop_assert_eq!(message.uuid, &sample.uuid);
        prop_assert_eq!(message.text, &sample.text);
        prop_assert_eq!(message.text_len(), Some(text.len() as u32));
    }

    #[test]
    fn words_of_a_whole_text_are_the_splitters(text: [u8; 24]) {
        let record = Sample::sent("raid", &text).record();
        let message = read(&record);
        prop_assume!(!message.is_redacted());
        let mut splitter = Splitter::new();
        let tokens = text.iter().map(|byte| splitter.step(*byte)).collect::<Vec<_>>();
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for token in tokens.into_iter().chain([splitter.finish()]) {
            match token {
                Token::Nothing => {}
                Token::First(byte) => expected.push(vec![byte]),
                Token::Next(byte) => expected.last_mut().unwrap().push(byte),
            }
        }
        prop_assert_eq!(words(&message), expected);
    }
}
