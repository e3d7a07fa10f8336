//! Captures being written.
//!
//! A thread of its own writes, so that tracing goes on while the disk works. It is handed pieces
//! through a short channel. If that is full, reading the ring waits: what comes meanwhile lies in the
//! ring, and what finds no place there is counted by the kernel.

mod files;
mod recorder;

pub use self::{
    files::{Target, WriteRefusal},
    recorder::{Recorder, State},
};
