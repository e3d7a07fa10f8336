//! Fuzz target: the decoder of records.
#![no_main]
#![expect(clippy::disallowed_types, reason = "libFuzzer's macro writes files if it is asked to")]

use dmmsg::engine::capture::Known;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::record::run(data, &mut Known::default()));
