//! Messages to `thin-pool`.
//!
//! Source: `drivers/md/dm-thin.c`, `pool_message`, and `drivers/md/dm-thin-metadata.c`; versions
//! checked: all, equal.

use super::{
    Class, Target, Verb,
    errno::{EBUSY, EEXIST, EINVAL, EIO, ENODATA, ENOSPC, EOPNOTSUPP},
};

const BAD_ID: &str = "an id is not a number up to 16777215";
const TAKEN: &str = "there is a thin device of this id";

/// The pool of thin devices.
pub static THIN_POOL: Target = Target {
    type_name: "thin-pool",
    module: "dm_thin_pool",
    handler: "pool_message",
    since: None,
    verbs: &[
        Verb::new("create_thin", Class::Changes)
            .takes(1, 1, "<id>")
            .fails(&[(EEXIST, TAKEN), (EINVAL, BAD_ID)]),
        Verb::new("create_snap", Class::Changes).takes(2, 2, "<id> <origin's id>").fails(&[
            (EEXIST, TAKEN),
            (ENODATA, "there is no origin of this id"),
            (EINVAL, BAD_ID),
        ]),
        Verb::new("delete", Class::Destroys).takes(1, 1, "<id>").fails(&[
            (ENODATA, "there is no thin device of this id"),
            (EBUSY, "the thin device is in use"),
            (EINVAL, BAD_ID),
        ]),
        Verb::new("set_transaction_id", Class::Changes)
            .takes(2, 2, "<current id> <new id>")
            .fails(&[(EINVAL, "the current id is not the pool's, or an id is not a number")]),
        Verb::new("reserve_metadata_snap", Class::Changes)
            .fails(&[(EBUSY, "a metadata snapshot is held already")]),
        Verb::new("release_metadata_snap", Class::Changes)
            .fails(&[(EINVAL, "no metadata snapshot is held")]),
    ],
    failures: &[
        (EOPNOTSUPP, "the pool is read-only, has failed, or is out of metadata space"),
        (ENOSPC, "the pool is out of metadata space"),
        (EIO, "the metadata cannot be read or written"),
    ],
};
