//! Device-mapper's own constants: what the kernel's headers fix for every version.
//!
//! Source: `include/uapi/linux/dm-ioctl.h` and `include/linux/device-mapper.h`, equal in
//! 5.10, 6.1, 6.12, 7.2 and 7.3.

/// Bytes of a device name with its NUL (`DM_NAME_LEN`).
pub const NAME_LEN: usize = 128;
/// Bytes of a device uuid with its NUL (`DM_UUID_LEN`).
pub const UUID_LEN: usize = 129;
/// Bytes of a target type's name with its NUL (`DM_MAX_TYPE_NAME`).
pub const TYPE_NAME_LEN: usize = 16;
/// Bytes of a task's command name with its NUL (`TASK_COMM_LEN`).
pub const COMM_LEN: usize = 16;

/// Ioctl type of every device-mapper ioctl (`DM_IOCTL`).
pub const IOCTL_TYPE: u32 = 0xfd;
/// Ioctl number of `DM_TARGET_MSG` (`DM_TARGET_MSG_CMD`).
pub const TARGET_MSG_NR: u32 = 14;
/// Ioctl number of `DM_DEV_SUSPEND` (`DM_DEV_SUSPEND_CMD`).
pub const SUSPEND_NR: u32 = 6;
/// Number of `DM_MPATH_PROBE_PATHS` (`DM_MPATH_PROBE_PATHS_CMD`), since 6.16.
pub const PROBE_PATHS_NR: u32 = 18;
/// Bit of `struct dm_ioctl::flags` without which `DM_DEV_SUSPEND` resumes (`DM_SUSPEND_FLAG`).
pub const SUSPEND_FLAG: u32 = 1 << 1;
/// Bit of `struct dm_ioctl::flags` by which a sender asks that its buffer be wiped.
pub const SECURE_DATA_FLAG: u32 = 1 << 15;

/// An ioctl's number: direction, size, type and number of the command.
///
/// Device-mapper looks at type and number alone.
/// Source: `include/uapi/asm-generic/ioctl.h`, `_IOC`; `drivers/md/dm-ioctl.c`, `ctl_ioctl`, 5.10 to
/// 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cmd(pub u32);

impl Cmd {
    /// The message ioctl to a device that was proposed in 2004: `_IOW(0xfd, 14, int[3])`.
    ///
    /// Source: Daniel Phillips on dm-devel, July 2004.
    pub const DM_MESSAGE: Self = Self(0x400c_fd0e);

    /// The type (`_IOC_TYPE`); device-mapper's is [`IOCTL_TYPE`].
    pub const fn kind(self) -> u32 {
        self.0 >> 8 & 0xff
    }

    /// The number within the type (`_IOC_NR`).
    pub const fn number(self) -> u32 {
        self.0 & 0xff
    }
}

/// Bytes of the head of a direct message: index, tag, length, 32 bits each.
pub const DIRECT_HEAD_LEN: u64 = 12;
/// Bytes that the payload of a direct message has at most.
pub const PAYLOAD_MAX: usize = 64;

/// Byte offsets in `struct dm_ioctl`, the header of every control ioctl.
pub mod ioctl_header {
    /// `data_size`: bytes of the sender's buffer, this header included.
    pub const DATA_SIZE: u64 = 12;
    /// `data_start`: where the payload begins, counted from the header's first byte.
    pub const DATA_START: u64 = 16;
    /// `target_count`.
    pub const TARGET_COUNT: u64 = 20;
    /// `flags`.
    pub const FLAGS: u64 = 28;
    /// `dev`, encoded by `huge_encode_dev`.
    pub const DEV: u64 = 40;
    /// `name`, NUL-terminated.
    pub const NAME: u64 = 48;
    /// `uuid`, NUL-terminated.
    pub const UUID: u64 = 176;
    /// `data`: the first byte a payload may use.
    pub const DATA: u64 = 305;
}

/// Byte offset of `message` in `struct dm_target_msg`; `sector` stands before it.
pub const MESSAGE_OFFSET: u64 = 8;

/// A kernel `dev_t`: 12 bits of major, 20 bits of minor.
///
/// Source: `include/linux/kdev_t.h`, `MKDEV`, 5.10 to 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DevT(pub u32);

impl DevT {
    const MINOR_BITS: u32 = 20;

    /// Joins a major and a minor number; bits that a `dev_t` cannot hold are dropped.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self((major << Self::MINOR_BITS) | (minor & 0xf_ffff))
    }

    /// Decodes the user-space form that `struct dm_ioctl::dev` carries.
    ///
    /// Source: `include/linux/kdev_t.h`, `huge_decode_dev`, 5.10 to 7.3.
    pub const fn from_huge(encoded: u32) -> Self {
        let major = (encoded & 0xf_ff00) >> 8;
        let minor = (encoded & 0xff) | ((encoded >> 12) & 0xf_ff00);
        Self::new(major, minor)
    }

    /// The major number.
    pub const fn major(self) -> u32 {
        self.0 >> Self::MINOR_BITS
    }

    /// The minor number.
    pub const fn minor(self) -> u32 {
        self.0 & 0xf_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::DevT;

    #[test]
    fn user_space_form_of_a_large_minor_decodes() {
        // new_encode_dev(253:1234); 1234 is 0x4d2.
        let encoded = 0xd2 | (253 << 8) | (0x400 << 12);
        assert_eq!(DevT::from_huge(encoded), DevT::new(253, 1234));
        assert_eq!(
            (DevT::from_huge(encoded).major(), DevT::from_huge(encoded).minor()),
            (253, 1234)
        );
    }
}
