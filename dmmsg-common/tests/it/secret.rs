//! Keys, masked.

use dmmsg_common::{
    secret::{NO_SECRET, Scan, may_name_key},
    verb::Verb,
};
use proptest::prelude::*;

use crate::reference::{bytes, words};

fn scan(strict: bool, message: &[u8]) -> Scan {
    let mut scan = Scan::new(strict);
    for byte in message {
        scan.step(*byte);
    }
    scan.finish();
    scan
}

/// The canonical form of what a scan leaves open.
fn open_words(message: &[u8], secret_from: u32) -> String {
    let open = words(message).into_iter().filter_map(|mut word| {
        word.retain(|(offset, _)| *offset < secret_from as usize);
        let text = String::from_utf8_lossy(&bytes(&word)).to_ascii_lowercase();
        Some(text).filter(|text| !text.is_empty())
    });
    open.collect::<Vec<_>>().join(" ")
}

fn check(strict: bool, message: &str, secret_from: u32, verb: Option<&str>) {
    let scan = scan(strict, message.as_bytes());
    assert_eq!(scan.secret_from(), secret_from, "{message}");
    assert_eq!(scan.verb().map(Verb::as_bytes), verb.map(str::as_bytes), "{message}");
    assert_eq!(scan.length as usize, message.len(), "{message}");
}

#[test]
fn keys_are_secret_whatever_the_target() {
    for strict in [false, true] {
        check(strict, "key set 00ff", 8, Some("key set"));
        check(strict, "KEY\t\tSet\t00ff", 9, Some("key set"));
        check(strict, r"\k\e\y s\et \00ff", 13, Some("key set"));
        check(strict, r"key\ set\ 00ff", 9, Some("key set"));
        check(strict, r"key\ set 00ff", 9, Some("key set"));
        check(strict, "key set00ff", 7, Some("key set"));
        check(strict, "key set :32:logon:cryptsetup:x", 8, Some("key set"));
        check(strict, "key wipe 00ff", 9, Some("key wipe"));
        check(strict, "key set", NO_SECRET, Some("key set"));
        check(strict, "key wipe", NO_SECRET, Some("key wipe"));
        check(strict, "@stats_list 00ff", NO_SECRET, Some("@stats_list"));
        check(strict, " ", NO_SECRET, Some(""));
    }
}

#[test]
fn a_key_without_its_verb_is_secret() {
    check(false, "key 00ff", 4, Some("key"));
    check(false, "KEY\t00ff 7", 4, Some("key"));
    check(false, "key  wiped", 5, Some("key"));
    check(false, r"key\ 00ff", 0, None);
    check(false, "key", NO_SECRET, Some("key"));
}

#[test]
fn a_key_that_is_one_backslash_is_secret_too() {
    check(false, r"key set \", 8, Some("key set"));
    check(true, r"key\ set\", 8, Some("key set"));
}

#[test]
fn words_behind_a_quoted_key_verb_are_secret() {
    for strict in [false, true] {
        check(strict, r"key\ wipe 00ff", 10, Some("key wipe"));
        check(strict, r"key\ wipe 00 ff", 10, Some("key wipe"));
    }
}

#[test]
fn a_strict_scan_shows_harmless_verbs_alone() {
    for message in ["00ff", "set 00ff", "key", "key 00ff", "keyset 00ff", r"key\ wipe\ 00ff"] {
        check(true, message, 0, None);
    }
}

#[test]
fn other_messages_are_open() {
    check(false, "create_thin 7", NO_SECRET, Some("create_thin"));
    check(false, "keys 7", NO_SECRET, Some("keys"));
}

#[test]
fn what_was_not_read_is_secret() {
    for message in ["", "key", "key s", "create"] {
        let mut scan = Scan::new(false);
        message.bytes().for_each(|byte| scan.step(byte));
        scan.abandon();
        assert_eq!(scan.secret_from(), 0, "{message}");
    }
}

/// Messages that are close to `key set …`, spelled in the ways that the kernel takes.
fn near_key_message() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("key"), 4 => Just("set"), 2 => Just("wipe"), 1 => Just("k\\ey"), 1 => Just("SeT"),
        1 => Just("@x"), 2 => Just("00ff"), 4 => Just(" "), 2 => Just("\t\t"), 1 => Just("\\ "),
        1 => Just("\\"), 1 => Just("k"), 1 => Just("é"),
    ];
    proptest::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn nothing_behind_a_key_verb_is_open(message in near_key_message(), strict: bool) {
        let argv = words(message.as_bytes());
        let [first, _, secrets @ ..] = &argv[..] else { return Ok(()) };
        if bytes(first).eq_ignore_ascii_case(b"key") {
            let secret_from = scan(strict, message.as_bytes()).secret_from() as usize;
            prop_assert!(secrets.iter().flatten().all(|(offset, _)| *offset >= secret_from));
        }
    }

    #[test]
    fn a_strict_scan_never_shows_more_than_a_harmless_verb(message in near_key_message()) {
        let secret_from = scan(true, message.as_bytes()).secret_from();
        let open = open_words(message.as_bytes(), secret_from);
        let harmless = matches!(&open[..], "" | "key set" | "key wipe") || open.starts_with('@');
        prop_assert!(harmless, "{open}");
    }

    #[test]
    fn a_message_that_cannot_name_a_key_need_not_be_scanned(message in near_key_message()) {
        if message.bytes().next().is_some_and(|first| !may_name_key(first)) {
            prop_assert_eq!(scan(false, message.as_bytes()).secret_from(), NO_SECRET);
        }
    }
}
