//! Cuts the payload where a key begins.

use core::{ffi::c_long, hint::black_box};

use dmmsg_common::{
    dm::PAYLOAD_MAX,
    record::{DirectHead, direct_flag},
    secret::{NO_SECRET, Scan},
};

use crate::kernel::memory::repeat;

/// A scan of a payload.
struct Reading<'a> {
    head: &'a mut DirectHead,
    scan: &'a mut Scan,
}

/// Clears what is key material, and says so.
#[inline(always)]
pub fn mask(head: &mut DirectHead, scan: &mut Scan) {
    *scan = Scan::new(false);
    let mut reading = Reading { head, scan };
    let bytes = u32::from(reading.head.payload_bytes);
    repeat(bytes, scan_byte, &mut reading);
    let Reading { head, scan } = reading;
    scan.finish();
    if scan.secret_from() == NO_SECRET {
        return;
    }
    head.flags |= direct_flag::REDACTED;
    head.payload_bytes = scan.secret_from().min(bytes) as u16;
    let mut clearing = Reading { head, scan };
    repeat(PAYLOAD_MAX as u32, clear_byte, &mut clearing);
}

extern "C" fn scan_byte(index: u64, reading: &mut Reading<'_>) -> c_long {
    let byte = reading.head.payload[index as usize & (PAYLOAD_MAX - 1)];
    reading.scan.step(byte);
    0
}

extern "C" fn clear_byte(index: u64, clearing: &mut Reading<'_>) -> c_long {
    // Asked each time, so that the verifier has nothing to remember from one byte to the next.
    if index as u32 >= black_box(&*clearing.scan).secret_from() {
        clearing.head.payload[index as usize & (PAYLOAD_MAX - 1)] = black_box(0);
    }
    0
}
