//! Messages to device-mapper itself, which any device takes, even without a table.
//!
//! Source: `drivers/md/dm-ioctl.c`, `message_for_md`, and `drivers/md/dm-stats.c`,
//! `dm_stats_message`; versions checked: all, equal but for the limits of `@stats_create`, which
//! 5.10 and 6.1 do not have.

use super::{
    ANY, Class, Failure, Target, Verb,
    errno::{EBUSY, EINVAL, ENOENT, ENOMEM, ENXIO, EOVERFLOW},
};

const NO_ID: &str = "there is no region of this id";
const BY_ID: &[Failure] = &[(ENOENT, NO_ID), (EINVAL, "the id is not a number")];
const PRINTS: &[Failure] =
    &[(ENOENT, NO_ID), (EINVAL, "an argument is not a number, or the number of areas is missing")];

/// Device-mapper itself.
pub static CORE: Target = Target {
    type_name: "core",
    module: "dm_mod",
    handler: "message_for_md",
    since: None,
    verbs: &[
        Verb::new("@cancel_deferred_remove", Class::Controls)
            .fails(&[(EBUSY, "the device is being removed")]),
        Verb::new("@stats_create", Class::Controls)
            .takes(
                2,
                ANY,
                "{- | <start>+<length>} {<step> | /<areas>} \
                 [<n> [precise_timestamps] [histogram:<n>[,<n>]...]] [<program> [<aux>]]",
            )
            .fails(&[
                (EINVAL, "the range, the step or an option cannot be read"),
                (EOVERFLOW, "the region has too many areas"),
                (ENOMEM, "the counters need more memory than there is for them"),
            ]),
        Verb::new("@stats_delete", Class::Controls).takes(1, 1, "<id>").fails(BY_ID),
        Verb::new("@stats_clear", Class::Controls).takes(1, 1, "<id>").fails(BY_ID),
        Verb::new("@stats_list", Class::Informs).takes(0, 1, "[<program>]"),
        Verb::new("@stats_print", Class::Informs)
            .takes(1, 3, "<id> [<first area> <areas>]")
            .fails(PRINTS),
        Verb::new("@stats_print_clear", Class::Controls)
            .takes(1, 3, "<id> [<first area> <areas>]")
            .fails(PRINTS),
        Verb::new("@stats_set_aux", Class::Controls).takes(2, 2, "<id> <aux>").fails(BY_ID),
    ],
    failures: &[
        (ENXIO, "there is no such device, or it is being removed"),
        (EINVAL, "no live table, no target at the sector, a target without messages, no text"),
        (ENOMEM, "the kernel ran out of memory"),
    ],
};
