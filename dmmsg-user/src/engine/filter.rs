//! Which messages the user asked for.
//!
//! Whatever can be compared in the kernel is; only patterns are left to user space.

use std::{str::FromStr, time::Duration};

use dmmsg_common::{
    argv::{Splitter, Token},
    dm::{COMM_LEN, DevT, TYPE_NAME_LEN, UUID_LEN},
    filter::{DEVICE_LEN, KernelFilter, bit},
    secret::Scan,
    verb::VERB_LEN,
};
use thiserror::Error;

use super::{
    event::{Event, until_nul},
    names::glob::{Glob, GlobError},
};

/// Why a filter's value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// No text.
    #[error("must not be empty")]
    Empty,
    /// No message can have so long a value.
    #[error("is {got} bytes long, the kernel allows {max}")]
    Long {
        /// Bytes given.
        got: usize,
        /// Bytes that the kernel allows.
        max: usize,
    },
    /// A verb has the words of a whole message.
    #[error("a verb is one word, or `key` and one word")]
    NotAVerb,
    /// A device number that the kernel cannot have.
    #[error("a device number ends at 4095:1048575")]
    DeviceNumber,
    /// A device name that the kernel cannot have.
    #[error("a device has no `/` in its name: give MAJ:MIN, or the name below /dev/mapper")]
    Path,
    /// A pattern that cannot be read.
    #[error(transparent)]
    Glob(#[from] GlobError),
}

/// What the user asked for: all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The device.
    pub device: Option<Device>,
    /// The target's type.
    pub target_type: Option<Padded<TYPE_NAME_LEN>>,
    /// The canonical verb.
    pub verb: Option<Verb>,
    /// The sender's process id.
    pub pid: Option<u32>,
    /// The sender's real user id.
    pub uid: Option<u32>,
    /// The sender's command name.
    pub comm: Option<Padded<COMM_LEN>>,
    /// The message failed.
    pub failed: bool,
    /// The message took this long at least.
    pub min_latency: Option<Duration>,
    /// Ioctls to the control node are wanted besides messages.
    pub ioctls: bool,
}

impl Filter {
    /// What the kernel can decide.
    pub fn kernel_part(&self) -> KernelFilter {
        let mut kernel = KernelFilter::ALL;
        if let Some(pid) = self.pid {
            kernel.bits |= bit::PID;
            kernel.pid = pid;
        }
        if let Some(uid) = self.uid {
            kernel.bits |= bit::UID;
            kernel.uid = uid;
        }
        if let Some(Padded(comm)) = self.comm {
            kernel.bits |= bit::COMM;
            kernel.comm = comm;
        }
        if let Some(Padded(target_type)) = self.target_type {
            kernel.bits |= bit::TARGET_TYPE;
            kernel.target_type = target_type;
        }
        if let Some(Verb(verb)) = self.verb {
            kernel.bits |= bit::VERB;
            kernel.verb = verb;
        }
        if let Some(latency) = self.min_latency {
            kernel.bits |= bit::MIN_LATENCY;
            kernel.min_latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        }
        if self.failed {
            kernel.bits |= bit::FAILED;
        }
        if self.ioctls {
            kernel.bits |= bit::IOCTLS;
        }
        if let Some(device) = &self.device {
            device.ask(&mut kernel);
        }
        kernel
    }

    /// Whether an event that the kernel let pass is one the user asked for.
    pub fn admits(&self, event: &Event<'_>) -> bool {
        let device = match &self.device {
            Some(Device::Pattern(glob)) => event.names().iter().any(|name| glob.matches(name)),
            _ => true,
        };
        device && self.admits_verb(event)
    }

    /// Whether the verb is asked for, of an event whose verb the kernel does not compare.
    fn admits_verb(&self, event: &Event<'_>) -> bool {
        match (event, &self.verb) {
            (Event::Ioctl(_), Some(wanted)) => event.verb().is_some_and(|verb| wanted.is(verb)),
            _ => true,
        }
    }

    /// Whether an event that no filter has seen is one the user asked for: all that the kernel
    /// decides by [`Filter::kernel_part`], and [`Filter::admits`].
    ///
    /// Control ioctls are shown if the capture has them, whatever [`Filter::ioctls`] says.
    pub fn admits_unfiltered(&self, event: &Event<'_>) -> bool {
        let Some(call) = event.call() else { return true };
        let latency_ns = u128::from(call.latency_ns);
        self.pid.is_none_or(|pid| pid == call.pid)
            && self.uid.is_none_or(|uid| uid == call.uid)
            && self.comm.is_none_or(|comm| comm.is(until_nul(&call.comm)))
            && self.target_type.is_none_or(|name| event.target_type().is_some_and(|of| name.is(of)))
            && self.verb.is_none_or(|verb| event.verb().is_some_and(|of| verb.is(of)))
            && (event.is_in_flight() || !self.failed || call.ret < 0)
            && (event.is_in_flight()
                || self.min_latency.is_none_or(|least| latency_ns >= least.as_nanos()))
            && self.device.as_ref().is_none_or(|device| device.is_of(event))
            && self.admits(event)
    }
}

/// Which device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// The device of this number.
    Number(DevT),
    /// The device whose name or uuid this is, zero-padded.
    Exact([u8; DEVICE_LEN]),
    /// Any device whose name or uuid fits.
    Pattern(Glob),
}

impl Device {
    fn ask(&self, kernel: &mut KernelFilter) {
        match self {
            Self::Number(dev) => {
                kernel.bits |= bit::DEV;
                kernel.dev = dev.0;
            }
            Self::Exact(device) => {
                kernel.bits |= bit::DEVICE;
                kernel.device = *device;
            }
            Self::Pattern(_) => {}
        }
    }

    fn is_of(&self, event: &Event<'_>) -> bool {
        match self {
            Self::Number(dev) => event.call().is_some_and(|call| call.dev == dev.0),
            Self::Exact(device) => event.names().contains(&until_nul(device)),
            Self::Pattern(_) => true,
        }
    }
}

impl FromStr for Device {
    type Err = FilterError;

    /// Reads `MAJ:MIN`, a name (with or without `/dev/mapper/`), a uuid, or a pattern of either.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        if let Some((major, minor)) = text.split_once(':')
            && let (Ok(major), Ok(minor)) = (major.parse(), minor.parse())
        {
            let dev = DevT::new(major, minor);
            let kept = (dev.major(), dev.minor()) == (major, minor);
            return if kept { Ok(Self::Number(dev)) } else { Err(FilterError::DeviceNumber) };
        }
        let text = text.strip_prefix("/dev/mapper/").unwrap_or(text);
        if text.starts_with('/') {
            return Err(FilterError::Path);
        }
        if Glob::is_pattern(text) {
            return Ok(Self::Pattern(Glob::parse(text)?));
        }
        Ok(Self::Exact(padded(text.as_bytes(), UUID_LEN - 1)?))
    }
}

/// A text of at most `N - 1` bytes, zero-padded, as the kernel keeps short names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padded<const N: usize>([u8; N]);

impl<const N: usize> Padded<N> {
    fn is(&self, text: &[u8]) -> bool {
        until_nul(&self.0) == text
    }
}

impl<const N: usize> FromStr for Padded<N> {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        padded(text.as_bytes(), N - 1).map(Self)
    }
}

/// A canonical verb, zero-padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb([u8; VERB_LEN]);

impl Verb {
    fn is(&self, verb: &[u8]) -> bool {
        self.0.strip_prefix(verb).is_some_and(|rest| rest.first() == Some(&0))
    }
}

impl FromStr for Verb {
    type Err = FilterError;

    /// Reads a verb in any spelling that the kernel takes for it.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut scan = Scan::new(false);
        let mut splitter = Splitter::new();
        let mut words = 0;
        for byte in text.bytes() {
            scan.step(byte);
            words += usize::from(matches!(splitter.step(byte), Token::First(_)));
        }
        scan.finish();
        let verb = scan.verb().ok_or(FilterError::NotAVerb)?;
        if verb.is_cut() {
            return Err(FilterError::Long { got: text.len(), max: VERB_LEN - 1 });
        }
        let words_of_verb = if verb.as_bytes().starts_with(b"key ") { 2 } else { 1 };
        if words > words_of_verb {
            return Err(FilterError::NotAVerb);
        }
        padded(verb.as_bytes(), VERB_LEN - 1).map(Self)
    }
}

fn padded<const N: usize>(text: &[u8], max: usize) -> Result<[u8; N], FilterError> {
    if text.is_empty() {
        return Err(FilterError::Empty);
    }
    let mut padded = [0; N];
    match padded.get_mut(..text.len()) {
        Some(start) if text.len() <= max => start.copy_from_slice(text),
        _ => {
            return Err(FilterError::Long { got: text.len(), max });
        }
    }
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::{Device, FilterError, Padded, Verb};
    use dmmsg_common::dm::DevT;

    fn verb(text: &str) -> Result<String, FilterError> {
        text.parse::<Verb>()
            .map(|verb| String::from_utf8_lossy(&verb.0).trim_end_matches('\0').to_owned())
    }

    #[test]
    fn verbs_are_read_as_the_kernel_reads_them() {
        for (text, canonical) in [
            ("create_thin", "create_thin"),
            ("  Create_Thin ", "create_thin"),
            ("KEY  set", "key set"),
            (r"k\ey\twipe", "keytwipe"),
            (r"key\ set", "key set"),
            ("@stats_list", "@stats_list"),
        ] {
            assert_eq!(verb(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn whole_messages_are_no_verbs() {
        assert_eq!(verb("create_thin 7"), Err(FilterError::NotAVerb));
        assert_eq!(verb("key set 00ff"), Err(FilterError::NotAVerb));
        assert_eq!(verb("key rotate now"), Err(FilterError::NotAVerb));
        assert_eq!(verb(" "), Err(FilterError::Empty));
        assert_eq!(verb(&"v".repeat(33)), Err(FilterError::Long { got: 33, max: 31 }));
    }

    #[test]
    fn devices_are_numbers_names_uuids_or_patterns() {
        assert_eq!("253:4".parse(), Ok(Device::Number(DevT::new(253, 4))));
        for name in ["vg-pool", "/dev/mapper/vg-pool"] {
            let Ok(Device::Exact(padded)) = name.parse() else { panic!("{name}") };
            assert!(padded.starts_with(b"vg-pool\0"));
        }
        assert!(matches!("LVM-*".parse(), Ok(Device::Pattern(_))));
        assert!(matches!("253:x".parse(), Ok(Device::Exact(_))));
    }

    #[test]
    fn devices_that_cannot_be() {
        for (text, error) in [
            ("", FilterError::Empty),
            ("/dev/dm-4", FilterError::Path),
            ("4096:0", FilterError::DeviceNumber),
            ("253:1048576", FilterError::DeviceNumber),
        ] {
            assert_eq!(text.parse::<Device>(), Err(error), "{text}");
        }
        let long = "n".repeat(129);
        assert_eq!(long.parse::<Device>(), Err(FilterError::Long { got: 129, max: 128 }));
    }

    #[test]
    fn names_that_the_kernel_would_cut_are_refused() {
        assert!("fifteen_bytes_x".parse::<Padded<16>>().is_ok());
        let error = FilterError::Long { got: 16, max: 15 };
        assert_eq!("sixteen_bytes_xx".parse::<Padded<16>>(), Err(error));
    }
}
