//! How names are read, shown and matched.

pub mod errno;
pub mod escape;
pub mod glob;
pub mod hex;
pub mod ioctl;
