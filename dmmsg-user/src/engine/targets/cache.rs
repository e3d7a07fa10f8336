//! Messages to `cache`: one, and any setting of the cache or of its policy as `<key> <value>`.
//!
//! Source: `drivers/md/dm-cache-target.c`, `cache_message`, and
//! `drivers/md/dm-cache-policy-smq.c`, `mq_set_config_value`; versions checked: all, equal.

use super::{
    ANY, Class, Failure, Target, Verb,
    errno::{EINVAL, EIO, EOPNOTSUPP, EPERM},
};

const ONLY_MQ: &[Failure] =
    &[(EINVAL, "the policy is not mq, which alone takes it, or the value is not a number")];

/// A setting of the policy `mq`, which is another name for `smq`, and takes it to no effect.
const fn of_mq(tag: &'static str) -> Verb {
    Verb::new(tag, Class::Controls).takes(1, 1, "<number>").fails(ONLY_MQ)
}

/// A cache on a faster disk.
pub static CACHE: Target = Target {
    type_name: "cache",
    module: "dm_cache",
    handler: "cache_message",
    since: None,
    verbs: &[
        // A cache in passthrough mode has no block that differs from its origin.
        Verb::new("invalidate_cblocks", Class::Changes)
            .takes(0, ANY, "[{<block> | <first>-<end>}...]")
            .fails(&[
                (EPERM, "the cache is not in passthrough mode"),
                (EINVAL, "the cache has no such block; those named before are invalidated"),
            ]),
        Verb::new("migration_threshold", Class::Controls)
            .takes(1, 1, "<sectors>")
            .fails(&[(EINVAL, "the value is not a number")]),
        of_mq("random_threshold"),
        of_mq("sequential_threshold"),
        of_mq("discard_promote_adjustment"),
        of_mq("read_promote_adjustment"),
        of_mq("write_promote_adjustment"),
    ],
    failures: &[
        (EOPNOTSUPP, "the cache is read-only or has failed"),
        (EIO, "the metadata cannot be read or written"),
    ],
};
