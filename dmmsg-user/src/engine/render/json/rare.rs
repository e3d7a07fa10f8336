//! Members that few messages have.

use super::{Json, Object};
use crate::engine::{enrich::stack::functions, event::Message};

impl Json {
    /// Writes who suspended the device of a message that met a suspended one, as far as is known.
    #[cold]
    pub(super) fn suspension(&mut self, line: &mut Object<'_>, message: &Message<'_>) {
        line.raw(br#","suspended_by":"#);
        let Some(met) = self.suspensions.met_by(message) else {
            line.null();
            return;
        };
        line.raw(br#"{"pid":"#).number(met.pid);
        line.raw(br#","comm":"#).padded(&met.comm);
        line.raw(br#","since":""#).raw(&self.clock.rfc3339(met.since_boot_ns)).raw(br#""}"#);
    }
}

/// Writes the functions that the sender is in, the innermost first.
pub fn stack(line: &mut Object<'_>, stack: Option<&[u8]>) {
    line.raw(br#","stack":"#);
    let Some(stack) = stack else {
        line.null();
        return;
    };
    line.raw(b"[");
    let start = line.0.len();
    for function in functions(stack) {
        line.comma_since(start).text(Some(function));
    }
    line.raw(b"]");
}
