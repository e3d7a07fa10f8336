//! The story of a call that is only counted: no record, no ring, no reader to wake.
//!
//! The same hooks as those of the recording programs, with programs of the same names, that find the
//! call's series and add to its histogram at the return.

mod catalogue;
pub mod direct;
pub mod ioctl;
pub mod message;
