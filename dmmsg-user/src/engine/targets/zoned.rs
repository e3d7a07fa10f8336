//! Messages to `zoned`.
//!
//! Source: `drivers/md/dm-zoned-target.c`, `dmz_message`; versions checked: all, equal.

use super::{ANY, Class, Target, Verb};

/// Random writes on zoned disks.
pub static ZONED: Target = Target {
    type_name: "zoned",
    module: "dm_zoned",
    handler: "dmz_message",
    since: None,
    // The kernel does not count the words.
    verbs: &[Verb::new("reclaim", Class::Changes).takes(0, ANY, "")],
    failures: &[],
};
