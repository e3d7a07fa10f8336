//! Sends messages through device-mapper's control node.
//!
//! Source: `include/uapi/linux/dm-ioctl.h`, equal in 5.10 to 7.3.
#![expect(clippy::cast_possible_truncation, reason = "offsets within a header are small")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd as _,
    path::Path,
};

use dmmsg_common::dm::{
    DevT, IOCTL_TYPE, NAME_LEN, SECURE_DATA_FLAG, TARGET_MSG_NR, UUID_LEN, ioctl_header,
};

/// The control node.
const CONTROL: &str = "/dev/mapper/control";
/// `sizeof(struct dm_ioctl)`: where our messages start.
const HEADER_LEN: usize = 312;
/// Byte offset of `data_size` in `struct dm_ioctl`.
const DATA_SIZE: u64 = 12;
/// The farthest place of a message that [`Request::at`] makes room for.
const PLACE_MAX: u64 = 1 << 20;
/// `_IOWR(DM_IOCTL, DM_TARGET_MSG_CMD, struct dm_ioctl)`.
const TARGET_MSG: u64 =
    3 << 30 | (HEADER_LEN as u64) << 16 | (IOCTL_TYPE << 8 | TARGET_MSG_NR) as u64;

/// How a message names its device.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// By its name.
    Name(&'a [u8]),
    /// By its uuid.
    Uuid(&'a [u8]),
    /// By its number.
    Dev(DevT),
}

/// A message that can be sent again and again.
#[derive(Clone, Debug)]
pub struct Request {
    /// As it is sent; the kernel changes a copy.
    template: Vec<u8>,
    buffer: Vec<u8>,
}

impl Request {
    /// A message of `text`, which must have no NUL, for the target at `sector`.
    ///
    /// Names and uuids that are too long are cut, as the kernel has no such device.
    pub fn new(to: Address<'_>, sector: u64, text: &[u8]) -> Self {
        let mut template = vec![0; HEADER_LEN];
        let mut put = |at: u64, bytes: &[u8]| {
            let at = at as usize;
            if let Some(field) = template.get_mut(at..at + bytes.len()) {
                field.copy_from_slice(bytes);
            }
        };
        put(0, &4_u32.to_le_bytes());
        let size = HEADER_LEN + 8 + text.len() + 1;
        put(12, &u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
        put(ioctl_header::DATA_START, &(HEADER_LEN as u32).to_le_bytes());
        match to {
            Address::Name(name) => put(ioctl_header::NAME, first(name, NAME_LEN - 1)),
            Address::Uuid(uuid) => put(ioctl_header::UUID, first(uuid, UUID_LEN - 1)),
            Address::Dev(dev) => put(ioctl_header::DEV, &huge(dev).to_le_bytes()),
        }
        template.extend(sector.to_le_bytes());
        template.extend(text);
        template.push(0);
        Self { buffer: template.clone(), template }
    }

    /// Says that the message is at `data_start`, and puts it there if that is a place for it.
    ///
    /// The kernel takes any place from 305 on.
    #[must_use]
    pub fn at(mut self, data_start: u32) -> Self {
        let message = self.template.split_off(HEADER_LEN);
        if (ioctl_header::DATA..=PLACE_MAX).contains(&u64::from(data_start)) {
            self.template.resize(data_start as usize, 0);
        }
        self.template.extend(message);
        self.put(ioctl_header::DATA_START, data_start);
        self.resized()
    }

    /// Leaves out the NUL that ends the text, which the kernel refuses.
    #[must_use]
    pub fn without_nul(mut self) -> Self {
        self.template.pop();
        self.resized()
    }

    fn put(&mut self, at: u64, value: u32) {
        let at = at as usize;
        if let Some(field) = self.template.get_mut(at..at + 4) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Tells the kernel how long the buffer is now.
    fn resized(mut self) -> Self {
        self.put(DATA_SIZE, u32::try_from(self.template.len()).unwrap_or(u32::MAX));
        self.buffer.clone_from(&self.template);
        self
    }

    /// Asks the kernel to wipe its copies of the message.
    #[must_use]
    pub fn secure(mut self) -> Self {
        self.put(ioctl_header::FLAGS, SECURE_DATA_FLAG);
        self
    }
}

fn first(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// A device number in the form that `struct dm_ioctl::dev` has.
///
/// Source: `include/linux/kdev_t.h`, `new_encode_dev`, 5.10 to 7.3.
const fn huge(dev: DevT) -> u32 {
    dev.minor() & 0xff | dev.major() << 8 | (dev.minor() & !0xff) << 12
}

/// The open control node.
#[derive(Debug)]
pub struct Control(File);

impl Control {
    /// Opens the control node.
    ///
    /// # Errors
    /// Those of open(2): dm_mod is not loaded, or we are not root.
    pub fn open() -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(Path::new(CONTROL)).map(Self)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// What the target or device-mapper's core answers.
    pub fn send(&self, request: &mut Request) -> io::Result<()> {
        request.buffer.copy_from_slice(&request.template);
        let argument = request.buffer.as_mut_ptr();
        // SAFETY: the buffer is as long as its header says, and the kernel stays within it.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), TARGET_MSG, argument) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
