//! Messages to `log-writes`.
//!
//! Source: `drivers/md/dm-log-writes.c`, `log_writes_message`; versions checked: all, equal.

use super::{Class, Target, Verb};

/// A log of all that is written.
pub static LOG_WRITES: Target = Target {
    type_name: "log-writes",
    module: "dm_log_writes",
    handler: "log_writes_message",
    since: None,
    verbs: &[Verb::new("mark", Class::Changes).takes(1, 1, "<text>")],
    failures: &[],
};
