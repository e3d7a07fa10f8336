//! What a test needs of the machine, and the word that it is not there.

use std::{env, path::PathBuf, thread};

/// Whether `DMMSG_REQUIRE` has this word: a test that needs it must not be skipped.
pub fn is_required(what: &str) -> bool {
    env::var("DMMSG_REQUIRE").is_ok_and(|words| words.split(',').any(|word| word == what))
}

/// Says that the running test is skipped; the caller returns.
pub fn skip(reason: &str) {
    let thread = thread::current();
    let name = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or("a test");
    println!("SKIP {name}: {reason}");
}

/// Prometheus' checker, which `cargo xtask test` brings; `None` where there is none, having said so.
pub fn promtool() -> Option<PathBuf> {
    let found = env::var_os("DMMSG_PROMTOOL").map(PathBuf::from);
    if found.is_none() {
        assert!(!is_required("promtool"), "DMMSG_REQUIRE has `promtool`: name its place");
        skip("needs promtool, see `cargo xtask test`");
    }
    found
}
