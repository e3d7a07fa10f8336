//! Messages to `raid`: what its background synchronisation shall do.
//!
//! Source: `drivers/md/dm-raid.c`, `raid_message`; versions checked: all. In 5.10 and 6.1, `idle`
//! and `frozen` succeed. In 6.12, 7.2 and 7.3 they stop the synchronisation, go on to a chain of
//! comparisons that lacks them, and return EINVAL; `MD_RECOVERY_FROZEN` is cleared on that way, so
//! `frozen` does not last there. The rewrite is of 6.9.

use super::{
    ANY, Class, Failure, Target, Verb,
    errno::{EBUSY, EINTR, EINVAL},
};

const STOPS: &[Failure] = &[
    (EINVAL, "from 6.9 on it is done all the same; else the array is not redundant"),
    (EINTR, "a signal came while the array was locked"),
];
const STARTS: &[Failure] = &[(EINVAL, "the array is not redundant")];

/// The kernel does not count the words.
const fn action(tag: &'static str, class: Class, failures: &'static [Failure]) -> Verb {
    Verb::new(tag, class).takes(0, ANY, "").fails(failures)
}

/// RAID, by MD's personalities.
pub static RAID: Target = Target {
    type_name: "raid",
    module: "dm_raid",
    handler: "raid_message",
    since: None,
    verbs: &[
        action("idle", Class::Controls, STOPS),
        action("frozen", Class::Controls, STOPS),
        action("resync", Class::Changes, STARTS),
        action("recover", Class::Changes, STARTS),
        action("check", Class::Controls, STARTS),
        action("repair", Class::Changes, STARTS),
    ],
    failures: &[(EBUSY, "the array is synchronising, or suspended")],
};
