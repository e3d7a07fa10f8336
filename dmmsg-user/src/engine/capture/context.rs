//! What was known of a sender, as a list of fields.

use bytes::BufMut;

use super::field::{fields, put};
use crate::engine::enrich::Context;

mod tag {
    pub const EXE: u8 = 1;
    pub const CGROUP: u8 = 2;
}

/// Appends what is known.
pub fn write(out: &mut impl BufMut, context: &Context<'_>) {
    let Context { exe, cgroup } = *context;
    put(out, tag::EXE, exe);
    put(out, tag::CGROUP, cgroup);
}

/// Reads what [`write`] wrote; leaves out what only a newer version knows.
pub fn read(list: &[u8]) -> Context<'_> {
    let mut context = Context::default();
    for (tag, value) in fields(list).flatten() {
        match tag {
            tag::EXE => context.exe = Some(value),
            tag::CGROUP => context.cgroup = Some(value),
            _ => {}
        }
    }
    context
}
