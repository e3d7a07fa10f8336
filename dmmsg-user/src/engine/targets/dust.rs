//! Messages to `dust`.
//!
//! Source: `drivers/md/dm-dust.c`, `dust_message`; versions checked: all, equal but that up to 7.2
//! the block just behind the last counts as one of the device.

use super::{Class, Target, Verb, errno::EINVAL};

/// Blocks that fail on request.
pub static DUST: Target = Target {
    type_name: "dust",
    module: "dm_dust",
    handler: "dust_message",
    since: None,
    verbs: &[
        Verb::new("enable", Class::Controls),
        Verb::new("disable", Class::Controls),
        Verb::new("quiet", Class::Controls),
        Verb::new("countbadblocks", Class::Informs),
        Verb::new("listbadblocks", Class::Informs),
        Verb::new("clearbadblocks", Class::Controls),
        Verb::new("addbadblock", Class::Controls).takes(1, 2, "<block> [<write failures>]").fails(
            &[(EINVAL, "no such block, it is in the list already, or more than 255 failures")],
        ),
        Verb::new("removebadblock", Class::Controls)
            .takes(1, 1, "<block>")
            .fails(&[(EINVAL, "there is no such block, or it is not in the list")]),
        Verb::new("queryblock", Class::Informs)
            .takes(1, 1, "<block>")
            .fails(&[(EINVAL, "there is no such block")]),
    ],
    failures: &[],
};
