//! Rows of what is no message to the control node.

use dmmsg_common::{
    dm::DevT,
    record::{Call, direct_flag},
};

use super::{
    CLASS, COMM, DEV, INDEX, LEN, PID, TAG, TIME, TYPE, Table, handler, outcome, row::Row,
};
use crate::engine::{
    direct::Direct,
    enrich::Context,
    ioctl::Ioctl,
    names::{hex::hex, ioctl::flags},
    render::short::Short,
};

impl Table {
    /// Appends the row of a direct ioctl.
    pub fn direct(&mut self, out: &mut Vec<u8>, direct: &Direct<'_>, context: Context<'_>) {
        let call = &direct.head.call;
        let mut row = Row::start(out, self.wide);
        self.caller(&mut row, call, direct.dev());
        row.text(TYPE, direct.target_type());
        let message = direct.message();
        let number = |value: Option<i32>| value.map_or(Short::DASH, Short::signed);
        row.short(INDEX, number(message.map(|message| message.index)));
        row.ascii(TAG, tag(direct).as_bytes());
        row.short(LEN, number(message.map(|message| message.len)));
        self.end_of_call(&mut row, call, [direct.name, direct.uuid], context);
        row.text(self.last_column(), Some(payload(direct).as_bytes()));
        row.end();
    }

    /// Appends the row of a control ioctl.
    pub fn ioctl(&mut self, out: &mut Vec<u8>, ioctl: &Ioctl<'_>, context: Context<'_>) {
        self.suspensions.note(ioctl);
        let call = &ioctl.head.call;
        let mut row = Row::start(out, self.wide);
        self.caller(&mut row, call, ioctl.dev());
        row.short(TYPE, Short::DASH);
        row.short(INDEX, Short::DASH);
        let verb = ioctl.verb().map_or_else(|| format!("{:#06x}", ioctl.head.cmd), str::to_owned);
        row.ascii(TAG, format!("{verb} (ioctl)").as_bytes());
        row.short(LEN, Short::DASH);
        self.end_of_call(&mut row, call, [ioctl.name, ioctl.uuid], context);
        row.text(self.last_column(), Some(ioctl.name));
        row.trailing(notes(ioctl).as_bytes());
        row.end();
    }

    /// Writes the cells from [`TIME`] to [`DEV`].
    fn caller(&mut self, row: &mut Row<'_>, call: &Call, dev: Option<DevT>) {
        row.ascii(TIME, &self.clock.time_of_day(call.boot_ns));
        row.short(PID, Short::number(call.pid));
        row.padded(COMM, &call.comm);
        row.short(DEV, dev.map_or(Short::DASH, Short::dev));
    }

    /// Writes the cells from LAT to the last but one.
    fn end_of_call(&self, row: &mut Row<'_>, call: &Call, names: [&[u8]; 2], context: Context<'_>) {
        outcome(row, call);
        if self.wide {
            Self::context(row, call, names, context);
            handler(row, None);
            row.short(CLASS, Short::DASH);
        }
    }
}

fn tag(direct: &Direct<'_>) -> String {
    if let Some(message) = direct.message() {
        return format!("#{} (direct)", message.tag);
    }
    match direct.cmd_name() {
        Some("DM_MESSAGE") => "#? (direct)".to_owned(),
        Some(name) => name.to_owned(),
        None => format!("{:#06x} (direct)", direct.head.cmd),
    }
}

/// The payload in hex, and all that is to be said of it.
fn payload(direct: &Direct<'_>) -> String {
    let mut parts = Vec::new();
    if direct.has(direct_flag::HEAD_UNREADABLE) {
        parts.push("<unreadable head>".to_owned());
    }
    if let Some(message) = direct.message() {
        let hidden = direct.hidden_bytes();
        if direct.has(direct_flag::PAYLOAD_UNREADABLE) {
            parts.push("<unreadable payload>".to_owned());
        } else if !message.payload.is_empty() {
            let (bytes, hex) = (message.payload.len(), hex(message.payload, " "));
            parts.push(format!("<{bytes} B:{hex}>"));
        }
        if direct.has(direct_flag::REDACTED) {
            parts.push(format!("<redacted {hidden} B>"));
        }
        if direct.has(direct_flag::OVERSIZED) {
            parts.push("<length out of range>".to_owned());
        }
    }
    if direct.is_forwarded() {
        parts.push(format!("<forwarded {}>", direct.head.layer));
    }
    parts.join(" ")
}

fn notes(ioctl: &Ioctl<'_>) -> String {
    let mut words: Vec<&str> = flags(ioctl.head.flags_in).collect();
    if !ioctl.is_readable() {
        words.push("unreadable header");
    }
    if words.is_empty() { String::new() } else { format!(" [{}]", words.join(" ")) }
}
