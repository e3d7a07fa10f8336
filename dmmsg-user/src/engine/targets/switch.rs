//! Messages to `switch`.
//!
//! Source: `drivers/md/dm-switch.c`, `switch_message`; versions checked: all, equal.

use super::{ANY, Class, Target, Verb, errno::EINVAL};

/// A path for each region.
pub static SWITCH: Target = Target {
    type_name: "switch",
    module: "dm_switch",
    handler: "switch_message",
    since: None,
    verbs: &[Verb::new("set_region_mappings", Class::Controls)
        .takes(0, ANY, "[{[<region>]:<path> | R<length>,<count>}...]")
        .fails(&[(EINVAL, "an argument is wrong, or out of range; those before it took effect")])],
    failures: &[],
};
