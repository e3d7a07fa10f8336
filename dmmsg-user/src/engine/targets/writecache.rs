//! Messages to `writecache`.
//!
//! Source: `drivers/md/dm-writecache.c`, `writecache_message`; versions checked: all, equal but
//! that 5.10 has no `clear_stats`.

use super::{
    Class, Target, Verb,
    errno::{EBUSY, EINVAL, EIO},
};

/// A cache of writes, on a faster disk or in persistent memory.
pub static WRITECACHE: Target = Target {
    type_name: "writecache",
    module: "dm_writecache",
    handler: "writecache_message",
    since: None,
    verbs: &[
        Verb::new("flush", Class::Changes)
            .fails(&[(EBUSY, "the device is suspended"), (EIO, "the cache has failed")]),
        Verb::new("flush_on_suspend", Class::Controls),
        Verb::new("cleaner", Class::Controls),
        Verb::new("clear_stats", Class::Controls)
            .since("5.15")
            .fails(&[(EINVAL, "the kernel is older than 5.15")]),
    ],
    failures: &[],
};
