//! What the ring's reader is doing, so that a record wakes it only when it must.
//!
//! The reader writes its state before it waits and looks at the ring once more; a probe makes its
//! record visible and looks at the state after. Whichever comes second sees the other, so no record
//! is left lying.

/// State of the reader, one `u32` in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reader {
    /// It reads, or it has been woken: leave it alone.
    Awake = 0,
    /// It waits for its own timer in a burst: wake it when the ring is half full.
    Napping = 1,
    /// It sleeps after a quiet time: wake it at once.
    Asleep = 2,
}
