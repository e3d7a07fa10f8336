//! The border to the kernel: the only raw reads of its memory and the only unsafe code.

mod atomic;
#[cfg(not(feature = "counting"))]
pub mod counters;
#[cfg(feature = "counting")]
pub mod devices;
pub mod flights;
pub mod memory;
pub mod opaque;
#[cfg(not(feature = "counting"))]
pub mod output;
#[cfg(not(feature = "counting"))]
pub mod seconds;
#[cfg(feature = "counting")]
pub mod series;
pub mod task;
pub mod testing;
#[cfg(feature = "counting")]
pub mod totals;
pub mod user_memory;
