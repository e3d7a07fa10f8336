//! One typical record, for programs that measure.
#![expect(clippy::cast_possible_truncation, reason = "the record is short")]

use dmmsg_common::{
    dm::DevT,
    record::{ABI, KIND_MESSAGE, MessageHead, NO_HANDLER, RecordHeader, padded},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

const TEXT: &[u8] = b"set_region_mappings 0:0";
const NAME: &[u8] = b"sw";

/// A message every 2 µs.
pub fn advance(record: &mut [u8], nth: u64) {
    if let Some(boot_ns) = record.get_mut(8..16) {
        boot_ns.copy_from_slice(&(118_204_511 + 2000 * nth).to_le_bytes());
    }
}

/// The record of the first message.
pub fn record() -> Vec<u8> {
    let mut head = MessageHead::new_zeroed();
    let bytes = size_of::<MessageHead>() + padded(TEXT.len()) + padded(NAME.len());
    head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size: bytes as u32 };
    head.handler_ns = NO_HANDLER;
    head.call.latency_ns = 6_249;
    head.call.seq = 81_233;
    head.call.cgroup_id = 4711;
    (head.call.pid, head.call.tid) = (1234, 1234);
    head.call.dev = DevT::new(254, 1).0;
    head.text_len = TEXT.len() as u32;
    (head.text_bytes, head.name_bytes) = (TEXT.len() as u16, NAME.len() as u16);
    head.call.comm = *b"dmsetup\0\0\0\0\0\0\0\0\0";
    head.target_type = *b"switch\0\0\0\0\0\0\0\0\0\0";
    let mut record = head.as_bytes().to_vec();
    for text in [TEXT, NAME] {
        record.extend(text);
        record.resize(padded(record.len()), 0);
    }
    record
}
