//! Messages to `era`.
//!
//! Source: `drivers/md/dm-era-target.c`, `era_message`; versions checked: all, equal.

use super::{
    Class, Target, Verb,
    errno::{EINVAL, EIO, ENOSPC},
};

/// Which blocks were written in which era.
pub static ERA: Target = Target {
    type_name: "era",
    module: "dm_era",
    handler: "era_message",
    since: None,
    verbs: &[
        Verb::new("checkpoint", Class::Changes),
        Verb::new("take_metadata_snap", Class::Changes)
            .fails(&[(EINVAL, "a metadata snapshot is held already")]),
        Verb::new("drop_metadata_snap", Class::Changes)
            .fails(&[(EINVAL, "no metadata snapshot is held")]),
    ],
    failures: &[
        (ENOSPC, "the metadata device is full"),
        (EIO, "the metadata cannot be read or written"),
    ],
};
