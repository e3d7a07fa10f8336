//! Masks key material in the payload of a direct message, should somebody send one this way.

#[cfg(not(feature = "kernel-5-10"))]
mod scanned;

#[cfg(not(feature = "kernel-5-10"))]
pub use scanned::mask;
#[cfg(feature = "kernel-5-10")]
pub use whole::mask;

#[cfg(feature = "kernel-5-10")]
mod whole {
    use dmmsg_common::{
        dm::PAYLOAD_MAX,
        record::{DirectHead, direct_flag},
        secret::Scan,
    };

    use crate::kernel::memory::put_words;

    /// Clears all of a payload that may name a key: the verifier has no patience for a scan here.
    #[inline(always)]
    pub fn mask(head: &mut DirectHead, _: &mut Scan) {
        put_words(&mut head.payload, &[0; PAYLOAD_MAX / 8]);
        head.payload_bytes = 0;
        head.flags |= direct_flag::REDACTED;
    }
}
