//! Records as the kernel's programs write them.

use dmmsg_common::{
    dm::DevT,
    record::{
        ABI, KIND_MESSAGE, MessageHead, NO_HANDLER, NO_INDEX, RecordHeader, TEXT_MAX, flag, padded,
    },
    secret::{NO_SECRET, Scan, may_name_key},
};
use zerocopy::{FromZeros, IntoBytes};

/// A message that is about to become a record.
#[derive(Clone, Debug)]
pub struct Sample {
    pub head: MessageHead,
    pub name: Vec<u8>,
    pub uuid: Vec<u8>,
    pub verb: Vec<u8>,
    pub text: Vec<u8>,
}

impl Sample {
    /// What the kernel's program makes of a text for a target of this type.
    pub fn sent(target_type: &str, text: &[u8]) -> Self {
        let mut head = MessageHead::new_zeroed();
        head.handler_ns = NO_HANDLER;
        head.header = RecordHeader { abi: ABI, kind: KIND_MESSAGE, size: 0 };
        head.call.boot_ns = 118_204_511;
        head.call.latency_ns = 812_400;
        head.call.seq = 91;
        head.call.cpu = 1;
        head.call.cgroup_id = 4711;
        head.call.pid = 81_233;
        head.call.tid = 81_234;
        head.call.dev = DevT::new(253, 4).0;
        pad(&mut head.call.comm, b"lvcreate");
        pad(&mut head.target_type, target_type.as_bytes());
        let mut sample = Self {
            head,
            name: b"vg-pool".to_vec(),
            uuid: b"LVM-a1b2".to_vec(),
            verb: Vec::new(),
            text: Vec::new(),
        };
        sample.capture(text, target_type == "crypt");
        sample
    }

    fn capture(&mut self, text: &[u8], strict: bool) {
        self.head.text_len = text.len() as u32;
        let mut open = text.len();
        if strict || text.first().is_some_and(|first| may_name_key(*first)) {
            let mut scan = Scan::new(strict);
            for byte in text {
                scan.step(*byte);
            }
            scan.finish();
            self.head.flags |= flag::SCANNED;
            self.verb = scan.verb().map(|verb| verb.as_bytes().to_vec()).unwrap_or_default();
            if scan.secret_from() != NO_SECRET {
                self.head.flags |= flag::REDACTED;
                open = open.min(scan.secret_from() as usize);
            }
        }
        self.text = text[..open.min(TEXT_MAX)].to_vec();
    }

    /// Changes the head.
    pub fn with(mut self, change: impl FnOnce(&mut MessageHead)) -> Self {
        change(&mut self.head);
        self
    }

    /// Sets the sender's command name.
    pub fn comm(self, comm: &[u8]) -> Self {
        self.with(|head| pad(&mut head.call.comm, comm))
    }

    /// Takes away what the device lookup finds.
    pub fn without_target(self) -> Self {
        self.with(|head| {
            head.target_index = NO_INDEX;
            pad(&mut head.target_type, b"");
        })
    }

    /// The record.
    pub fn record(&self) -> Vec<u8> {
        let mut head = self.head;
        head.name_bytes = self.name.len() as u16;
        head.uuid_bytes = self.uuid.len() as u16;
        head.verb_bytes = self.verb.len() as u16;
        head.text_bytes = self.text.len() as u16;
        let mut texts = Vec::new();
        for text in [&self.text, &self.verb, &self.name] {
            texts.extend(text);
            texts.resize(padded(texts.len()), 0xa5);
        }
        texts.extend(&self.uuid);
        head.header.size = (size_of::<MessageHead>() + texts.len()) as u32;
        [head.as_bytes(), &texts].concat()
    }
}

fn pad(field: &mut [u8; 16], text: &[u8]) {
    *field = [0; 16];
    field[..text.len()].copy_from_slice(text);
}
