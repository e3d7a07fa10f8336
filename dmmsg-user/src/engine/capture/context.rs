//! What was known of a sender, as a list of fields.

use bytes::BufMut;

use super::field::{fields, put};
use crate::engine::enrich::{Context, Parent};

mod tag {
    pub const EXE: u8 = 1;
    pub const CGROUP: u8 = 2;
    pub const USER: u8 = 3;
    pub const PARENT_PID: u8 = 4;
    pub const PARENT_COMM: u8 = 5;
    pub const GONE: u8 = 6;
    pub const STACK: u8 = 7;
}

/// Appends what is known.
pub fn write(out: &mut impl BufMut, context: &Context<'_>) {
    let Context { exe, cgroup, user, parent, gone, stack } = *context;
    put(out, tag::EXE, exe);
    put(out, tag::CGROUP, cgroup);
    put(out, tag::USER, user);
    let ppid = parent.map(|parent| parent.pid.to_le_bytes());
    put(out, tag::PARENT_PID, ppid.as_ref().map(<[u8; 4]>::as_slice));
    put(out, tag::PARENT_COMM, parent.and_then(|parent| parent.comm));
    put(out, tag::GONE, gone.then_some(&[]));
    put(out, tag::STACK, stack);
}

/// Reads what [`write`] wrote; leaves out what only a newer version knows.
pub fn read(list: &[u8]) -> Context<'_> {
    let mut context = Context::default();
    for (tag, value) in fields(list).flatten() {
        match tag {
            tag::EXE => context.exe = Some(value),
            tag::CGROUP => context.cgroup = Some(value),
            tag::USER => context.user = Some(value),
            tag::PARENT_PID => {
                let pid = value.try_into().map(u32::from_le_bytes).ok();
                context.parent = pid.map(|pid| Parent { pid, comm: None });
            }
            // Behind its process id.
            tag::PARENT_COMM => {
                context.parent = context.parent.map(|of| Parent { comm: Some(value), ..of });
            }
            tag::GONE => context.gone = true,
            tag::STACK => context.stack = Some(value),
            _ => {}
        }
    }
    context
}
