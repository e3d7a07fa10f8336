//! dmmsg: see device-mapper messages.
