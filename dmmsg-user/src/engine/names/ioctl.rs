//! Names of device-mapper's ioctls and of the flags in their headers.

use dmmsg_common::dm::{Cmd, IOCTL_TYPE};

/// A command of device-mapper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What dmsetup calls it, or would.
    pub name: &'static str,
    /// What the kernel's header calls it.
    pub kernel_name: &'static str,
}

/// The command of an ioctl number; direction and size do not count, as they do not for the kernel.
pub fn command(cmd: Cmd) -> Option<&'static Command> {
    let number = usize::try_from(cmd.number()).ok()?;
    (cmd.kind() == IOCTL_TYPE).then_some(COMMANDS.get(number)?)
}

const fn named(name: &'static str, kernel_name: &'static str) -> Command {
    Command { name, kernel_name }
}

/// Commands by number.
///
/// Source: `include/uapi/linux/dm-ioctl.h`, numbers fixed for every version; the last came with 6.16.
pub const COMMANDS: [Command; 19] = [
    named("version", "DM_VERSION"),
    named("remove_all", "DM_REMOVE_ALL"),
    named("list", "DM_LIST_DEVICES"),
    named("create", "DM_DEV_CREATE"),
    named("remove", "DM_DEV_REMOVE"),
    named("rename", "DM_DEV_RENAME"),
    named("suspend", "DM_DEV_SUSPEND"),
    named("info", "DM_DEV_STATUS"),
    named("wait", "DM_DEV_WAIT"),
    named("load", "DM_TABLE_LOAD"),
    named("clear", "DM_TABLE_CLEAR"),
    named("deps", "DM_TABLE_DEPS"),
    named("status", "DM_TABLE_STATUS"),
    named("targets", "DM_LIST_VERSIONS"),
    named("message", "DM_TARGET_MSG"),
    named("setgeometry", "DM_DEV_SET_GEOMETRY"),
    named("arm_poll", "DM_DEV_ARM_POLL"),
    named("target_version", "DM_GET_TARGET_VERSION"),
    named("probe_paths", "DM_MPATH_PROBE_PATHS"),
];

/// The names of the flags that are set, the lowest bit first; bits without a name are left out.
pub fn flags(bits: u32) -> impl Iterator<Item = &'static str> {
    FLAGS.into_iter().filter(move |(bit, _)| bits & 1 << bit != 0).map(|(_, name)| name)
}

/// Bits of `struct dm_ioctl::flags` and their names, without prefix and suffix.
///
/// Source: `include/uapi/linux/dm-ioctl.h`, 7.3.
const FLAGS: [(u32, &str); 18] = [
    (0, "readonly"),
    (1, "suspend"),
    (3, "persistent_dev"),
    (4, "status_table"),
    (5, "active_present"),
    (6, "inactive_present"),
    (8, "buffer_full"),
    (9, "skip_bdget"),
    (10, "skip_lockfs"),
    (11, "noflush"),
    (12, "query_inactive_table"),
    (13, "uevent_generated"),
    (14, "uuid"),
    (15, "secure_data"),
    (16, "data_out"),
    (17, "deferred_remove"),
    (18, "internal_suspend"),
    (19, "ima_measurement"),
];

#[cfg(test)]
mod tests {
    use super::{command, flags};
    use dmmsg_common::dm::Cmd;

    #[test]
    fn commands_are_told_by_type_and_number_alone() {
        for cmd in [0xc138_fd06, 0xfd06, 0x3fff_fd06] {
            assert_eq!(
                command(Cmd(cmd)).map(|command| command.kernel_name),
                Some("DM_DEV_SUSPEND")
            );
        }
        assert_eq!(
            command(Cmd(0xfd12)).map(|command| command.kernel_name),
            Some("DM_MPATH_PROBE_PATHS")
        );
        assert_eq!(command(Cmd(0xfd13)), None);
        assert_eq!(command(Cmd(0x1206)), None);
    }

    #[test]
    fn flags_are_named_from_the_lowest_bit() {
        assert_eq!(flags(1 << 11 | 1 << 1 | 1 << 31).collect::<Vec<_>>(), ["suspend", "noflush"]);
    }
}
