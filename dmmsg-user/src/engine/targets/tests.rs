//! The vocabulary against what else is known: the rules for verbs and secrets, and itself.

use std::collections::HashSet;

use dmmsg_common::{
    dm::TYPE_NAME_LEN,
    record::{MessageHead, NO_INDEX, flag},
    secret::{NO_SECRET, Scan},
};
use expect_test::{Expect, expect};
use zerocopy::FromZeros as _;

use super::{ALL, Class, Verb, errno, explain, find, known};
use crate::engine::{
    event::{Message, Tag},
    names::errno::errno_name,
};

fn verbs() -> impl Iterator<Item = &'static Verb> {
    ALL.iter().flat_map(|target| target.verbs)
}

fn scanned(text: &str, strict: bool) -> Scan {
    let mut scan = Scan::new(strict);
    text.bytes().for_each(|byte| scan.step(byte));
    scan.finish();
    scan
}

#[test]
fn verbs_are_canonical_in_any_spelling() {
    for tag in verbs().map(|verb| verb.tag) {
        for text in [tag.to_owned(), tag.to_uppercase(), format!(" {tag} 1 2")] {
            let scan = scanned(&text, false);
            let verb = scan.verb().unwrap();
            assert_eq!(verb.as_bytes(), tag.as_bytes(), "{text}");
            assert!(!verb.is_cut(), "{text}");
        }
    }
}

#[test]
fn secret_verbs_are_those_whose_arguments_are_masked() {
    for target in ALL {
        for verb in target.verbs {
            let text = [verb.tag, verb.arguments].join(" ");
            let text = text.trim_end();
            let scan = scanned(text, target.type_name == "crypt");
            let secret_from = match verb.class {
                Class::Secret => verb.tag.len() + 1,
                _ => NO_SECRET as usize,
            };
            assert_eq!(scan.secret_from() as usize, secret_from, "{text}");
        }
    }
}

#[test]
fn nothing_stands_twice() {
    let mut names = HashSet::new();
    for target in ALL {
        assert!(names.insert(target.type_name), "{}", target.type_name);
        assert!(target.type_name.len() < TYPE_NAME_LEN);
        let mut seen = HashSet::new();
        for verb in target.verbs {
            assert!(seen.insert(verb.tag), "{}", verb.tag);
            for failures in [verb.failures, target.failures] {
                let errnos: HashSet<_> = failures.iter().map(|(errno, _)| errno).collect();
                assert_eq!(errnos.len(), failures.len(), "{}", verb.tag);
            }
        }
    }
    let mut handlers = HashSet::new();
    assert!(ALL.iter().all(|target| handlers.insert((target.module, target.handler))));
}

#[test]
fn entries_are_whole() {
    for verb in verbs() {
        assert_ne!(verb.class, Class::Unknown, "{}", verb.tag);
        let (least, most) = verb.words;
        assert!(least <= most, "{}", verb.tag);
        assert!(most > 0 || verb.arguments.is_empty(), "{}", verb.tag);
        assert!(least == 0 || !verb.arguments.is_empty(), "{}", verb.tag);
    }
    for (number, name) in errno::ALL {
        assert_eq!(errno_name(*number), Some(*name));
    }
}

#[test]
fn entries_are_found_by_type_and_verb() {
    assert_eq!(find(b"thin-pool").unwrap().handler, "pool_message");
    assert!(find(b"core").is_none(), "core is no type of target");
    let class = |target_type: &[u8], tag| Class::of(Some(target_type), tag);
    assert_eq!(class(b"thin-pool", b"delete"), Class::Destroys);
    assert_eq!(class(b"crypt", b"key set"), Class::Secret);
    assert_eq!(class(b"crypt", b"delete"), Class::Unknown);
    assert_eq!(class(b"linear", b"@stats_list"), Class::Informs);
    assert_eq!(Class::of(None, b"delete"), Class::Unknown);
    assert_eq!(known(None, b"@stats_create").unwrap().class, Class::Controls);
    assert!(known(Some(b"core"), b"stats_list").is_none());
}

/// A message as it was sent to a target of this type, with its result.
fn head(target_type: &str, text: &str, ret: i32) -> MessageHead {
    let mut head = MessageHead::new_zeroed();
    head.text_len = u32::try_from(text.len()).unwrap();
    head.call.ret = ret;
    if target_type.is_empty() {
        head.target_index = NO_INDEX;
    }
    head.target_type[..target_type.len()].copy_from_slice(target_type.as_bytes());
    head
}

fn message<'a>(head: &'a MessageHead, text: &'a str) -> Message<'a> {
    let scan = scanned(text, head.target_type.starts_with(b"crypt\0"));
    let open = text.get(..scan.secret_from() as usize);
    Message {
        head,
        name: b"",
        uuid: b"",
        text: open.unwrap_or(text).as_bytes(),
        tag: scan.verb().map_or(Tag::Unknown, |verb| Tag::Host(*verb)),
        redacted: open.is_some(),
    }
}

fn check(target_type: &str, text: &str, ret: i32, expected: &Expect) {
    let head = head(target_type, text, ret);
    expected.assert_eq(explain(&message(&head, text)).unwrap_or("-"));
}

fn check_flag(flag: u32, ret: i32, expected: &Expect) {
    let mut head = head("", "delete 7", ret);
    head.flags = flag;
    expected.assert_eq(explain(&message(&head, "delete 7")).unwrap_or("-"));
}

#[test]
fn errors_of_targets_are_explained() {
    let text = "key wipe";
    check("crypt", text, -22, &expect!["the device is not suspended"]);
    let text = "key set 00ff";
    check(
        "crypt",
        text,
        -22,
        &expect!["the device is not suspended, or the key does not fit the table"],
    );
    check(
        "crypt",
        "00ff",
        -22,
        &expect!["the device is not suspended, or the target has no such message"],
    );
    check(
        "thin-pool",
        "delete 7",
        -95,
        &expect!["the pool is read-only, has failed, or is out of metadata space"],
    );
    check("thin-pool", "delete 7", -61, &expect!["there is no thin device of this id"]);
    check(
        "thin-pool",
        "reserve_metadata_snap",
        -16,
        &expect!["a metadata snapshot is held already"],
    );
    check("multipath", "fail_path 8:16", -16, &expect!["the device is suspended"]);
    check(
        "raid",
        "idle",
        -22,
        &expect!["from 6.9 on it is done all the same; else the array is not redundant"],
    );
    check("raid", "Check", -16, &expect!["the array is synchronising, or suspended"]);
}

#[test]
fn wrong_words_are_told_from_wrong_values() {
    check("thin-pool", "delete x", -22, &expect!["an id is not a number up to 16777215"]);
    check("thin-pool", "delete 7 8", -22, &expect!["the number of arguments is wrong"]);
    check("thin-pool", "delete", -22, &expect!["the number of arguments is wrong"]);
    check("thin-pool", "remove 7", -22, &expect!["the target has no such message"]);
    check("crypt", r"key\ wipe", -22, &expect!["the target has no such message"]);
    check(
        "raid",
        "idle now",
        -22,
        &expect![["from 6.9 on it is done all the same; else the array is not redundant"]],
    );
}

#[test]
fn errors_of_device_mapper_are_explained() {
    check_flag(flag::NO_DEVICE, -6, &expect!["there is no such device"]);
    check_flag(flag::NO_TABLE, -22, &expect!["the device has no live table"]);
    check_flag(
        flag::MALFORMED,
        -22,
        &expect!["the text has no end, or no place in the sender's buffer"],
    );
    check("", "delete 7", -22, &expect!["the sector is not in the device's table"]);
    check("linear", "delete 7", -22, &expect!["targets of this type take no messages"]);
    check("raid", "\t", -22, &expect!["the message is empty"]);
    check("raid", "check", -6, &expect!["the device is being removed"]);
    check("raid", "check", -12, &expect!["the kernel ran out of memory"]);
    check("", "@stats_delete 9", -2, &expect!["there is no region of this id"]);
    check("", "@stats_delete", -22, &expect!["the number of arguments is wrong"]);
    check("linear", "@flush", -22, &expect!["device-mapper has no such message"]);
}

#[test]
fn what_nobody_can_tell_is_not_explained() {
    check("thin-pool", "delete 7", 0, &expect!["-"]);
    check("thin-pool", "delete 7", 2, &expect!["-"]);
    check("thin-pool", "delete 7", i32::MIN, &expect!["-"]);
    check("thin-pool", "delete 7", -35, &expect!["-"]);
    check("a-strange-one", "delete 7", -22, &expect!["-"]);
    check_flag(flag::NO_LOOKUP, -22, &expect!["-"]);
    check_flag(flag::NO_DEVICE, -22, &expect!["-"]);
    check_flag(flag::UNREADABLE, -22, &expect!["-"]);
}
