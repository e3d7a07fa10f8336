//! The border to the kernel: the only raw reads of its memory and the only unsafe code.

pub mod flights;
pub mod memory;
pub mod output;
pub mod seconds;
pub mod task;
pub mod testing;
pub mod user_memory;
