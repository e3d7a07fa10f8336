//! Sends messages through device-mapper's control node, and any ioctl to a device itself.
//!
//! Source: `include/uapi/linux/dm-ioctl.h`, equal in 5.10 to 7.3.
#![expect(clippy::cast_possible_truncation, reason = "offsets within a header are small")]

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd as _,
    path::Path,
    ptr,
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

    /// Claims another major version than that of every kernel, which is 4.
    #[must_use]
    pub fn version(mut self, major: u32) -> Self {
        self.put(0, major);
        self
    }

    /// Claims a smaller size of the buffer than it has.
    #[must_use]
    pub fn size_at_most(mut self, data_size: u32) -> Self {
        let size = u32::try_from(self.template.len()).unwrap_or(u32::MAX);
        self.put(DATA_SIZE, data_size.min(size));
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

/// What an ioctl to a device points to: bytes, and behind them memory that nobody can touch.
#[derive(Debug)]
pub struct Argument {
    address: usize,
    /// Two pages; without them, the address is no place where a program has memory.
    pages: Option<ptr::NonNull<libc::c_void>>,
}

/// The first address that no program has: bit 47 is the kernel's.
const USER_END: usize = 1 << 47;

impl Argument {
    /// Bytes, one page of them at most. Without any, the argument cannot be read at all.
    ///
    /// # Errors
    /// The bytes are too many, or the kernel has no memory for them.
    pub fn new(bytes: &[u8]) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let start = page.checked_sub(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at a place of the kernel's choice touches nothing of ours.
        let pages = unsafe { libc::mmap(ptr::null_mut(), 2 * page, access, kind, -1, 0) };
        if pages == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let argument = Self {
            address: pages.addr() + start,
            pages: Some(ptr::NonNull::new(pages).ok_or(io::ErrorKind::OutOfMemory)?),
        };
        let second = pages.wrapping_byte_add(page);
        // SAFETY: the mapping has two pages, and nobody else knows of it.
        if unsafe { libc::mprotect(second, page, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let place = pages.cast::<u8>().wrapping_add(start);
        // SAFETY: `place` is as many bytes before the end of the first page, which is writable.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        Ok(argument)
    }

    /// An address; `None` where a program may have memory.
    pub const fn nowhere(address: usize) -> Option<Self> {
        if address == 0 || address >= USER_END { Some(Self { address, pages: None }) } else { None }
    }
}

impl Drop for Argument {
    fn drop(&mut self) {
        if let Some(pages) = self.pages {
            // SAFETY: our own two pages, which nothing points to any more.
            unsafe { libc::munmap(pages.as_ptr(), 2 * rustix::param::page_size()) };
        }
    }
}

/// An open device.
#[derive(Debug)]
pub struct Direct(File);

impl Direct {
    /// Opens the node of a device for reading, which is all that its ioctls ask for.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(node: &Path) -> io::Result<Self> {
        File::open(node).map(Self)
    }

    /// Sends an ioctl of any number.
    ///
    /// # Errors
    /// What the device answers.
    pub fn send(&self, cmd: u32, argument: &Argument) -> io::Result<()> {
        // SAFETY: what the kernel reads or writes there is ours, and ends where it cannot go on; the
        // ioctls of device-mapper follow no pointers.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), u64::from(cmd), argument.address) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
