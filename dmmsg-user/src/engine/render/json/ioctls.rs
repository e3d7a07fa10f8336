//! Lines of what is no message to the control node.
//!
//! `notes` of a direct ioctl:
//!
//! | note | meaning |
//! |---|---|
//! | `unreadable_head` | index, tag and length could not be read from the sender's memory |
//! | `unreadable_payload` | the payload could not be read from the sender's memory |
//! | `length_out_of_range` | the length is negative or more than 64 |
//! | `forwarded` | another device passed the ioctl on to this one |
//! | `no_table`, `suspended` | as for a message |
//!
//! Of a control ioctl: `unreadable_header`, the sender's header could not be read.

use dmmsg_common::record::direct_flag;

use super::{Json, Object, names, outcome, process};
use crate::engine::{
    direct::Direct,
    enrich::Context,
    ioctl::Ioctl,
    names::{hex::hex, ioctl::flags},
    render::short::Short,
};

const NOTES: [(u32, &str); 5] = [
    (direct_flag::HEAD_UNREADABLE, "unreadable_head"),
    (direct_flag::PAYLOAD_UNREADABLE, "unreadable_payload"),
    (direct_flag::OVERSIZED, "length_out_of_range"),
    (direct_flag::NO_TABLE, "no_table"),
    (direct_flag::SUSPENDED, "suspended"),
];

impl Json {
    /// Appends the line of a direct ioctl.
    pub fn direct(&mut self, out: &mut Vec<u8>, direct: &Direct<'_>, context: Context<'_>) {
        let call = &direct.head.call;
        let mut line = Object(out);
        line.raw(br#"{"schema":"dmmsg/1","type":"message","time":""#);
        self.numbers(&mut line, call);
        process(&mut line, call, context);
        names(&mut line, direct.dev(), [direct.name, direct.uuid]);
        line.raw(br#","target_type":"#).text(direct.target_type());
        line.raw(br#","index":"#);
        let message = direct.message();
        let number = |line: &mut Object<'_>, value: Option<i32>| {
            match value {
                Some(value) => line.short(Short::signed(value)),
                None => line.null(),
            };
        };
        number(&mut line, message.map(|message| message.index));
        line.raw(br#","sector":null},"msg":{"interface":"direct","tag":"#);
        number(&mut line, message.map(|message| message.tag));
        line.raw(br#","len":"#);
        number(&mut line, message.map(|message| message.len));
        line.raw(br#","payload":"#);
        match message {
            Some(message) if !direct.has(direct_flag::PAYLOAD_UNREADABLE) => {
                line.text(Some(hex(message.payload, "").as_bytes()))
            }
            _ => line.null(),
        };
        let redacted = direct.has(direct_flag::REDACTED);
        let truncated = !redacted && direct.hidden_bytes() > 0;
        line.raw(br#","truncated":"#).boolean(truncated);
        line.raw(br#","redacted":"#).boolean(redacted);
        line.raw(br#","cmd":"#).number(direct.head.cmd);
        line.raw(br#","name":"#).text(direct.cmd_name().map(str::as_bytes));
        line.raw(br#","layer":"#).number(direct.head.layer);
        line.raw(br#"},"latency_ns":{"total":"#).number(call.latency_ns);
        line.raw(br#","handler":null"#);
        outcome(&mut line, call.ret, || direct.explain());
        let start = line.0.len();
        for (_, note) in NOTES.iter().filter(|(flag, _)| direct.has(*flag)) {
            line.comma_since(start).text(Some(note.as_bytes()));
        }
        if direct.is_forwarded() {
            line.comma_since(start).text(Some(b"forwarded"));
        }
        line.raw(b"]}\n");
    }

    /// Appends the line of a control ioctl.
    pub fn ioctl(&mut self, out: &mut Vec<u8>, ioctl: &Ioctl<'_>, context: Context<'_>) {
        self.suspensions.note(ioctl);
        let call = &ioctl.head.call;
        let mut line = Object(out);
        line.raw(br#"{"schema":"dmmsg/1","type":"ioctl","time":""#);
        self.numbers(&mut line, call);
        process(&mut line, call, context);
        names(&mut line, ioctl.dev(), [ioctl.name, ioctl.uuid]);
        line.raw(br#"},"ioctl":{"command":"#).text(ioctl.verb().map(str::as_bytes));
        line.raw(br#","cmd":"#).number(ioctl.head.cmd);
        let name = ioctl.command().map(|command| command.kernel_name.as_bytes());
        line.raw(br#","name":"#).text(name);
        line.raw(br#","flags":["#);
        let start = line.0.len();
        for name in flags(ioctl.head.flags_in) {
            line.comma_since(start).text(Some(name.as_bytes()));
        }
        line.raw(br#"],"flags_in":"#).number(ioctl.head.flags_in);
        line.raw(br#","flags_out":"#).number(ioctl.head.flags_out);
        line.raw(br#","target_count":"#).number(ioctl.head.target_count);
        line.raw(br#"},"latency_ns":{"total":"#).number(call.latency_ns);
        outcome(&mut line, call.ret, || None);
        if !ioctl.is_readable() {
            line.text(Some(b"unreadable_header"));
        }
        line.raw(b"]}\n");
    }
}
