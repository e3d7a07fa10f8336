//! Messages to `clone`.
//!
//! Source: `drivers/md/dm-clone-target.c`, `clone_message`; versions checked: all, equal.

use super::{ANY, Class, Failure, Target, Verb, errno::EINVAL};

const NO_NUMBER: &[Failure] = &[(EINVAL, "the value is not a number")];

/// A copy that can be used while it is made.
pub static CLONE: Target = Target {
    type_name: "clone",
    module: "dm_clone",
    handler: "clone_message",
    since: None,
    verbs: &[
        // The kernel does not count the words of these two.
        Verb::new("enable_hydration", Class::Controls).takes(0, ANY, ""),
        Verb::new("disable_hydration", Class::Controls).takes(0, ANY, ""),
        Verb::new("hydration_threshold", Class::Controls).takes(1, 1, "<regions>").fails(NO_NUMBER),
        Verb::new("hydration_batch_size", Class::Controls)
            .takes(1, 1, "<regions>")
            .fails(NO_NUMBER),
    ],
    failures: &[],
};
