//! Where calls in flight are kept: a place for each task that makes one, which user space can see.
//!
//! A task makes one call at a time. Task storage would be the obvious place, but looking it up three
//! times a message costs 280 instructions more on 6.12, and user space could not look through it for
//! what does not return.

#[cfg(feature = "kernel-5-10")]
mod hash;
#[cfg(not(feature = "kernel-5-10"))]
mod slots;

#[cfg(feature = "kernel-5-10")]
pub use hash::{Table, find, land, table, take_off};
#[cfg(not(feature = "kernel-5-10"))]
pub use slots::{Table, find, land, table, take_off};

/// What is kept of a call in flight.
///
/// # Safety
/// `repr(C)`, its first field is a `u64` for the owner, all zero is a value, and it has at most
/// [`FLIGHT_MAX`] bytes.
pub unsafe trait Flight: Sized + 'static {
    /// Calls that can be in flight, a power of two.
    const PLACES: u32;

    /// Where they are kept.
    fn places() -> &'static Table<Self>;

    /// Accounts for a call whose return was not seen, when its task makes the next one.
    fn abandon(&mut self);
}

/// Bytes of a [`Flight`] at most.
pub const FLIGHT_MAX: usize = 8 << 10;
