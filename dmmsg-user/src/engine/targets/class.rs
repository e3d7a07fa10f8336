//! What messages do to what is stored.

use super::known;

/// What a message does; of several things, the gravest, and a secret before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Only asks: the answer, or the kernel's log, tells something. Nothing changes.
    Informs,
    /// Changes how the device works or what it counts. What is on the disks stays.
    Controls,
    /// Writes to the disks: copies data, or changes metadata. The device's contents stay.
    Changes,
    /// Gives up data or metadata that cannot be had back.
    Destroys,
    /// Carries a key. Such a text is never shown; see [`dmmsg_common::secret`].
    Secret,
    /// The target has no such verb, or is not known.
    Unknown,
}

impl Class {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informs => "informs",
            Self::Controls => "controls",
            Self::Changes => "changes",
            Self::Destroys => "destroys",
            Self::Secret => "secret",
            Self::Unknown => "unknown",
        }
    }

    /// The class of a canonical verb, sent to a target of this type.
    pub fn of(target_type: Option<&[u8]>, tag: &[u8]) -> Self {
        known(target_type, tag).map_or(Self::Unknown, |verb| verb.class)
    }
}
