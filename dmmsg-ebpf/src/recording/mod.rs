//! The story of a call of which a record goes to user space.

mod budget;
pub mod direct;
mod inflight;
pub mod ioctl;
pub mod message;
mod payload;
mod subject;
mod text;
