//! Values that a filter compares with, as the user writes them.

use std::str::FromStr;

use dmmsg_common::{
    argv::{Splitter, Token},
    dm::{DevT, UUID_LEN},
    filter::{DEVICE_LEN, KernelFilter, bit},
    secret::Scan,
    verb::VERB_LEN,
};
use thiserror::Error;

use crate::engine::{
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
    #[error(
        "a device has no `/` in its name: give MAJ:MIN, or the name below /dev/mapper, as `vg-lv`"
    )]
    Path,
    /// A pattern that cannot be read.
    #[error(transparent)]
    Glob(#[from] GlobError),
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
    pub(super) fn ask(&self, kernel: &mut KernelFilter) {
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

    pub(super) fn is_of(&self, event: &Event<'_>) -> bool {
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
        if text.contains('/') && !Glob::is_pattern(text) {
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
pub struct Padded<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Padded<N> {
    pub(super) fn is(&self, text: &[u8]) -> bool {
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
pub struct Verb(pub(super) [u8; VERB_LEN]);

impl Verb {
    pub(super) fn is(&self, verb: &[u8]) -> bool {
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
