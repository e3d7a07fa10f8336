//! What a task keeps between the hooks that one message passes.

use dmmsg_common::{
    dm::{NAME_LEN, UUID_LEN},
    record::{MessageHead, TEXT_MAX},
    secret::Scan,
    verb::VERB_LEN,
};

/// Room for the texts of a record and for the last one's NUL.
///
/// Uuid and verb count with the next power of two, which is what the verifier knows of them.
pub const TEXTS: usize = NAME_LEN + 2 * NAME_LEN + 2 * VERB_LEN + TEXT_MAX + 64;
const _: () = assert!(UUID_LEN <= 2 * NAME_LEN && TEXTS.is_multiple_of(8));

/// A record as it goes to the ring.
#[repr(C)]
pub struct Record {
    /// The fixed part.
    pub head: MessageHead,
    /// The texts, packed.
    pub texts: [u8; TEXTS],
}

/// How far a message has come.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Phase(u32);

impl Phase {
    /// No message is in flight, or it is one that nobody wants.
    pub const IDLE: Self = Self(0);
    /// Dispatch began.
    pub const BEGUN: Self = Self(1);
    /// The device was looked up.
    pub const LOOKED_UP: Self = Self(2);
}

/// Whether a sender asked that its message be kept secret (`DM_SECURE_DATA_FLAG`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Secrecy(u32);

impl Secrecy {
    /// It did, or nobody saw whether it did.
    pub const ASSUMED: Self = Self(0);
    /// It did not.
    pub const NOT_ASKED: Self = Self(1);
}

/// A task's message in flight. All zero is a valid value: nothing is in flight.
#[repr(C)]
pub struct InFlight {
    /// The record, filled hook by hook.
    pub record: Record,
    /// How far the message has come.
    pub phase: Phase,
    /// Whether the sender of the next message asked for secrecy.
    pub secrecy: Secrecy,
    /// Kernel address of `struct dm_ioctl`.
    pub param: u64,
    /// Kernel address of the message's text.
    pub message: u64,
    /// Bytes from `message` to the end of the kernel's copy.
    pub limit: u32,
    /// First byte of the text.
    pub first: u32,
    /// The scan of the text, where one is needed.
    pub scan: Scan,
}
