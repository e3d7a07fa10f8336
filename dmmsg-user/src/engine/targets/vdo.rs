//! Messages to `vdo`.
//!
//! Source: `drivers/md/dm-vdo/dm-vdo-target.c`, `vdo_message`, `drivers/md/dm-vdo/dump.c` and
//! `drivers/md/dm-vdo/dedupe.c`; versions checked: 6.12, 7.2 and 7.3, equal. 5.10 and 6.1 have no
//! such target.

use super::{
    ANY, Class, Target, Verb,
    errno::{EBUSY, EINVAL},
};

/// Deduplication and compression.
pub static VDO: Target = Target {
    type_name: "vdo",
    module: "dm_vdo",
    handler: "vdo_message",
    since: Some("6.9"),
    verbs: &[
        Verb::new("stats", Class::Informs),
        Verb::new("config", Class::Informs),
        Verb::new("compression", Class::Controls)
            .takes(1, 1, "{on | off}")
            .fails(&[(EINVAL, "the argument is neither on nor off")]),
        Verb::new("dump", Class::Informs)
            .takes(0, ANY, "[{viopool | vdo | pools | queues | threads | default | all}...]")
            .fails(&[(EINVAL, "an argument is none of the things to dump")]),
        Verb::new("dump-on-shutdown", Class::Controls),
        Verb::new("index-close", Class::Controls),
        // The old index is given up; the data is not.
        Verb::new("index-create", Class::Destroys),
        Verb::new("index-disable", Class::Controls),
        Verb::new("index-enable", Class::Controls),
    ],
    failures: &[(EBUSY, "another message is being handled")],
};
