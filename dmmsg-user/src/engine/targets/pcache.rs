//! Messages to `pcache`.
//!
//! Source: `drivers/md/dm-pcache/dm_pcache.c`, `dm_pcache_message`, and
//! `drivers/md/dm-pcache/cache.c`, `pcache_cache_set_gc_percent`; versions checked: 7.2 and 7.3,
//! equal. 5.10, 6.1 and 6.12 have no such target.

use super::{Class, Target, Verb, errno::EINVAL};

/// A cache in persistent memory.
pub static PCACHE: Target = Target {
    type_name: "pcache",
    module: "dm_pcache",
    handler: "dm_pcache_message",
    since: Some("6.18"),
    verbs: &[Verb::new("gc_percent", Class::Controls)
        .takes(1, 1, "<percent>")
        .fails(&[(EINVAL, "the value is not a number from 0 to 90")])],
    failures: &[],
};
