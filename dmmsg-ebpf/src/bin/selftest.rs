//! The code that kernel and user space share, to be run by BPF_PROG_TEST_RUN and compared.
//!
//! Nothing here is ever attached. The programs are raw tracepoints, since these are tracing
//! programs, as those that use the code in earnest, and every kernel since 5.10 test-runs them.
#![no_std]
#![no_main]
#![allow(clippy::needless_pass_by_value, reason = "aya's macros hand a context over by value")]
#![allow(clippy::cast_possible_truncation, reason = "BPF has one width of register")]

use core::ffi::c_long;

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::Array,
    programs::RawTracePointContext,
};
use dmmsg_common::{
    argv::Splitter,
    secret::Scan,
    selftest::{Scanned, TEXT_ROOM, Text, Tokens, code},
};
use dmmsg_ebpf::kernel::{memory::repeat, testing::value};

/// Input of every program.
#[map]
static TEXT: Array<Text> = Array::with_max_entries(1, 0);

/// Output of `split`.
#[map]
static TOKENS: Array<Tokens> = Array::with_max_entries(1, 0);

/// Where `split` keeps its state: not on the stack, see [`repeat`].
#[map]
static SPLITTER: Array<Splitter> = Array::with_max_entries(1, 0);

/// Where `scan` keeps its state.
#[map]
static SCAN: Array<Scan> = Array::with_max_entries(1, 0);

/// Output of `scan`.
#[map]
static SCANNED: Array<Scanned> = Array::with_max_entries(1, 0);

#[raw_tracepoint]
fn split(_: RawTracePointContext) -> i32 {
    let (Some(text), Some(splitter)) = (value(&TEXT), value(&SPLITTER)) else { return 0 };
    let Some(tokens) = value(&TOKENS) else { return 0 };
    *splitter = Splitter::new();
    let mut splitting = Splitting { text, splitter, tokens };
    repeat(TEXT_ROOM as u32, split_byte, &mut splitting);
    0
}

struct Splitting {
    text: &'static Text,
    splitter: &'static mut Splitter,
    tokens: &'static mut Tokens,
}

extern "C" fn split_byte(index: u64, splitting: &mut Splitting) -> c_long {
    let Some(byte) = splitting.text.get(index as usize) else { return 1 };
    let Some(place) = splitting.tokens.get_mut(index as usize) else { return 1 };
    if *byte == 0 {
        *place = code(splitting.splitter.finish());
        return 1;
    }
    *place = code(splitting.splitter.step(*byte));
    0
}

/// Its argument is 1 for a strict scan, else 0.
#[raw_tracepoint]
fn scan(ctx: RawTracePointContext) -> i32 {
    let (Some(text), Some(scan)) = (value(&TEXT), value(&SCAN)) else { return 0 };
    let Some(scanned) = value(&SCANNED) else { return 0 };
    *scan = Scan::new(ctx.arg::<u64>(0) != 0);
    let mut scanning = Scanning { text, scan };
    repeat(TEXT_ROOM as u32, scan_byte, &mut scanning);
    scanning.scan.finish();
    *scanned = Scanned::of(scanning.scan);
    0
}

struct Scanning {
    text: &'static Text,
    scan: &'static mut Scan,
}

extern "C" fn scan_byte(index: u64, scanning: &mut Scanning) -> c_long {
    match scanning.text.get(index as usize) {
        None | Some(0) => 1,
        Some(byte) => {
            scanning.scan.step(*byte);
            0
        }
    }
}

/// Lets the kernel accept programs that use helpers for GPL code only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
