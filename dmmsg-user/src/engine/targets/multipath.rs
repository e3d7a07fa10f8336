//! Messages to `multipath`.
//!
//! Source: `drivers/md/dm-mpath.c`, `multipath_message`; versions checked: all, equal but that 5.10
//! and 6.1 open the device that a path's verb names, and 6.12 and later only look for its number.

use super::{
    Class, Failure, Target, Verb,
    errno::{EBUSY, EINVAL, ENOENT, ENOTBLK, ENXIO},
};

const PATH: &[Failure] = &[
    (EINVAL, "the device is no path of this map"),
    (ENOENT, "there is no such device node"),
    (ENOTBLK, "the path's node is no block device"),
    (ENXIO, "the path's device is not there, or the map is being removed"),
];
const GROUP: &[Failure] = &[(EINVAL, "there is no group of this number")];

const fn path(tag: &'static str) -> Verb {
    Verb::new(tag, Class::Controls).takes(1, 1, "{<major>:<minor> | <node>}").fails(PATH)
}

const fn group(tag: &'static str) -> Verb {
    Verb::new(tag, Class::Controls).takes(1, 1, "<group>").fails(GROUP)
}

/// Several paths to one disk.
pub static MULTIPATH: Target = Target {
    type_name: "multipath",
    module: "dm_multipath",
    handler: "multipath_message",
    since: None,
    verbs: &[
        path("fail_path"),
        path("reinstate_path"),
        Verb::new("queue_if_no_path", Class::Controls),
        Verb::new("fail_if_no_path", Class::Controls),
        group("disable_group"),
        group("enable_group"),
        group("switch_group"),
    ],
    failures: &[(EBUSY, "the device is suspended")],
};
