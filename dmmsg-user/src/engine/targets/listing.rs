//! The vocabulary, written out for people and programs.

use std::{iter, str::FromStr};

use thiserror::Error;

use super::{ALL, Failure, Target, Verb};
use crate::engine::names::{errno::errno_name, escape::escape_json};

/// Characters in a row at most, where words allow it.
const WIDTH: usize = 100;
/// Where arguments start, in characters.
const ARGUMENTS: usize = 57;
/// Where meanings start.
const MEANING: usize = 25;

/// Which part of the vocabulary is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Selection(&'static [&'static Target]);

/// No target of this name takes messages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no such target takes messages; known are {}", known_names())]
pub struct UnknownTarget;

fn known_names() -> String {
    iter::once("all")
        .chain(ALL.iter().map(|target| target.type_name))
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for Selection {
    type Err = UnknownTarget;

    /// Reads the name of a target's type, `core` for device-mapper itself, or `all`.
    fn from_str(name: &str) -> Result<Self, UnknownTarget> {
        if name == "all" {
            return Ok(Self(ALL));
        }
        let at = ALL.iter().position(|target| target.type_name == name).ok_or(UnknownTarget)?;
        Ok(Self(ALL.get(at..=at).unwrap_or_default()))
    }
}

impl Selection {
    /// Appends a table: a row for each verb, followed by its errors, and one for all other verbs.
    pub fn table(self, out: &mut Vec<u8>) {
        row(out, ["TARGET", "VERB", "CLASS", "SINCE"], "ARGUMENTS");
        for target in self.0 {
            for verb in target.verbs {
                let since = since(target, verb).unwrap_or("<=5.10");
                let arguments = if verb.arguments.is_empty() { "-" } else { verb.arguments };
                row(out, [target.type_name, verb.tag, verb.class.name(), since], arguments);
                errors(out, verb.failures);
            }
            if !target.failures.is_empty() {
                row(out, [target.type_name, "(any)", "-", "-"], "-");
                errors(out, target.failures);
            }
        }
    }

    /// Appends an object for each verb, one a line.
    pub fn json(self, out: &mut Vec<u8>) {
        for target in self.0 {
            for verb in target.verbs {
                object(out, target, verb);
            }
        }
    }
}

fn since(target: &Target, verb: &Verb) -> Option<&'static str> {
    verb.since.or(target.since)
}

fn row(out: &mut Vec<u8>, [target, verb, class, since]: [&str; 4], arguments: &str) {
    let start = format!("{target:<11} {verb:<26} {class:<9} {since:<7}");
    wrapped(out, &start, ARGUMENTS, arguments);
}

fn errors(out: &mut Vec<u8>, failures: &[Failure]) {
    for (errno, meaning) in failures {
        let start = format!("{:13}{:<11}", "", errno_name(*errno).unwrap_or_default());
        wrapped(out, &start, MEANING, meaning);
    }
}

/// Appends words behind the start of a row, and where it gets too long, in rows below.
fn wrapped(out: &mut Vec<u8>, start: &str, from: usize, words: &str) {
    let mut line = start.to_owned();
    for word in words.split(' ') {
        if line.len() > from && line.len() + 1 + word.len() > WIDTH {
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
            line = " ".repeat(from - 1);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

fn object(out: &mut Vec<u8>, target: &Target, verb: &Verb) {
    out.extend_from_slice(br#"{"schema":"dmmsg/1","type":"verb","target":"#);
    string(out, Some(target.type_name));
    let members = [
        (&br#","module":"#[..], Some(target.module)),
        (br#","handler":"#, Some(target.handler)),
        (br#","verb":"#, Some(verb.tag)),
        (br#","arguments":"#, Some(verb.arguments)),
        (br#","class":"#, Some(verb.class.name())),
        (br#","since":"#, since(target, verb)),
    ];
    for (key, value) in members {
        out.extend_from_slice(key);
        string(out, value);
    }
    out.extend_from_slice(br#","errors":["#);
    let of_target = target.failures.iter().filter(|(errno, _)| {
        // What the verb says goes before.
        verb.failures.iter().all(|(other, _)| other != errno)
    });
    for (nth, (errno, meaning)) in verb.failures.iter().chain(of_target).enumerate() {
        let key: &[u8] = if nth == 0 { br#"{"errno":"# } else { br#",{"errno":"# };
        out.extend_from_slice(key);
        string(out, errno_name(*errno));
        out.extend_from_slice(br#","meaning":"#);
        string(out, Some(meaning));
        out.push(b'}');
    }
    out.extend_from_slice(b"]}\n");
}

fn string(out: &mut Vec<u8>, text: Option<&str>) {
    let Some(text) = text else {
        return out.extend_from_slice(b"null");
    };
    out.push(b'"');
    escape_json(out, text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use expect_test::{Expect, expect};

    use super::{ALL, Selection};

    fn check_listing(name: &str, expected: &Expect) {
        let mut table = Vec::new();
        name.parse::<Selection>().unwrap().table(&mut table);
        expected.assert_eq(str::from_utf8(&table).unwrap());
    }

    #[test]
    fn the_listing_is_as_documented() {
        check_listing(
            "thin-pool",
            &expect![[r#"
            TARGET      VERB                       CLASS     SINCE   ARGUMENTS
            thin-pool   create_thin                changes   <=5.10  <id>
                         EEXIST      there is a thin device of this id
                         EINVAL      an id is not a number up to 16777215
            thin-pool   create_snap                changes   <=5.10  <id> <origin's id>
                         EEXIST      there is a thin device of this id
                         ENODATA     there is no origin of this id
                         EINVAL      an id is not a number up to 16777215
            thin-pool   delete                     destroys  <=5.10  <id>
                         ENODATA     there is no thin device of this id
                         EBUSY       the thin device is in use
                         EINVAL      an id is not a number up to 16777215
            thin-pool   set_transaction_id         changes   <=5.10  <current id> <new id>
                         EINVAL      the current id is not the pool's, or an id is not a number
            thin-pool   reserve_metadata_snap      changes   <=5.10  -
                         EBUSY       a metadata snapshot is held already
            thin-pool   release_metadata_snap      changes   <=5.10  -
                         EINVAL      no metadata snapshot is held
            thin-pool   (any)                      -         -       -
                         EOPNOTSUPP  the pool is read-only, has failed, or is out of metadata space
                         ENOSPC      the pool is out of metadata space
                         EIO         the metadata cannot be read or written
        "#]],
        );
        check_listing(
            "core",
            &expect![[r#"
            TARGET      VERB                       CLASS     SINCE   ARGUMENTS
            core        @cancel_deferred_remove    controls  <=5.10  -
                         EBUSY       the device is being removed
            core        @stats_create              controls  <=5.10  {- | <start>+<length>} {<step> | /<areas>}
                                                                     [<n> [precise_timestamps]
                                                                     [histogram:<n>[,<n>]...]] [<program>
                                                                     [<aux>]]
                         EINVAL      the range, the step or an option cannot be read
                         EOVERFLOW   the region has too many areas
                         ENOMEM      the counters need more memory than there is for them
            core        @stats_delete              controls  <=5.10  <id>
                         ENOENT      there is no region of this id
                         EINVAL      the id is not a number
            core        @stats_clear               controls  <=5.10  <id>
                         ENOENT      there is no region of this id
                         EINVAL      the id is not a number
            core        @stats_list                informs   <=5.10  [<program>]
            core        @stats_print               informs   <=5.10  <id> [<first area> <areas>]
                         ENOENT      there is no region of this id
                         EINVAL      an argument is not a number, or the number of areas is missing
            core        @stats_print_clear         controls  <=5.10  <id> [<first area> <areas>]
                         ENOENT      there is no region of this id
                         EINVAL      an argument is not a number, or the number of areas is missing
            core        @stats_set_aux             controls  <=5.10  <id> <aux>
                         ENOENT      there is no region of this id
                         EINVAL      the id is not a number
            core        (any)                      -         -       -
                         ENXIO       there is no such device, or it is being removed
                         EINVAL      no live table, no target at the sector, a target without messages, no text
                         ENOMEM      the kernel ran out of memory
        "#]],
        );
    }

    #[test]
    fn each_verb_is_one_object() {
        let mut json = Vec::new();
        "all".parse::<Selection>().unwrap().json(&mut json);
        let text = String::from_utf8(json).unwrap();
        let verbs = ALL.iter().flat_map(|target| target.verbs);
        assert_eq!(text.lines().count(), verbs.clone().count());
        for (line, verb) in text.lines().zip(verbs) {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["verb"], verb.tag);
            assert_eq!(object["class"], verb.class.name());
        }
        let reserve = text.lines().find(|line| line.contains("reserve_metadata_snap")).unwrap();
        expect![[r#"{"schema":"dmmsg/1","type":"verb","target":"thin-pool","module":"dm_thin_pool","handler":"pool_message","verb":"reserve_metadata_snap","arguments":"","class":"changes","since":null,"errors":[{"errno":"EBUSY","meaning":"a metadata snapshot is held already"},{"errno":"EOPNOTSUPP","meaning":"the pool is read-only, has failed, or is out of metadata space"},{"errno":"ENOSPC","meaning":"the pool is out of metadata space"},{"errno":"EIO","meaning":"the metadata cannot be read or written"}]}"#]].assert_eq(reserve);
    }
}
