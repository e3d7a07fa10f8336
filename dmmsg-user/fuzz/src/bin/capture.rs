//! Fuzz target: the reader of captures.
#![no_main]
#![expect(clippy::disallowed_types, reason = "libFuzzer's macro writes files if it is asked to")]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::capture::run(data));
