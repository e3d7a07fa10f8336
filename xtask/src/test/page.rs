//! The exporter's page in a real browser: the exporter runs in a guest, the browser on this machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Filter;
use super::report::{Outcome, TestResult};
use crate::browser::{Browser, Screen};
use crate::cache::Cache;
use crate::cargo::Program;
use crate::console::Console;
use crate::initramfs::GuestFile;
use crate::kernel::Version;
use crate::qemu::{Boot, Forward};
use crate::{cargo, prerequisites, static_build};

const NAME: &str = "page-in-browser";
const SCRIPT: &str = include_str!("../../guest/page.sh");
/// Where the guest serves the page, and where it waits for the word to end.
const PAGE: u16 = 9435;
const END: u16 = 9436;
/// How long the guest may take in all, and until it serves.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(100);
/// Time for the page to do what it does by itself: it asks for new numbers each two seconds.
const LINGER: Duration = Duration::from_secs(3);

/// What must be among the page's numbers.
const MESSAGES: &str = "dmmsg_messages_total";
/// Finds the numbers that the page shows of metrics by name; the age of a message is not one of them,
/// since it changes.
const NUMBERS: &str = "Object.fromEntries(
    [...document.querySelectorAll('[id^=dmmsg_]:not([id$=_seconds]) data')]
        .map(data => [data.closest('[id]').id, data.value]))";

/// Whether one must scroll to the side.
const IS_WIDE: &str = "document.documentElement.scrollWidth > document.documentElement.clientWidth";

/// What the page is looked at on; the name is that of the picture.
const SCREENS: &[(&str, Screen)] = &[
    ("light", Screen { width: 1280, height: 900, is_dark: false }),
    ("dark", Screen { width: 1280, height: 900, is_dark: true }),
    ("phone", Screen { width: 390, height: 844, is_dark: false }),
];

/// Looks at the page.
///
/// # Errors
/// If the guest or the browser does not come up, or the page is not as it should be.
pub fn run(filter: Filter) -> Result<Vec<TestResult>> {
    if !filter.admits(NAME) {
        return Ok(Vec::new());
    }
    prerequisites::ensure(prerequisites::VM)?;
    prerequisites::ensure(prerequisites::BROWSER)?;
    let (page, end) = (free_port()?, free_port()?);
    let mut boot = Boot::new(&Cache::open()?, Version::V6_12)?;
    let mut script = tempfile::NamedTempFile::new().context("create a temporary file")?;
    script.write_all(SCRIPT.as_bytes()).context("write the guest's script")?;
    boot.files.push(GuestFile::program(script.path(), "/usr/bin/page"));
    for Program { name, path, .. } in static_build::all_programs()? {
        boot.files.push(GuestFile::program(path, format!("/usr/bin/{name}")));
    }
    boot.command = vec!["sh".into(), "/usr/bin/page".into()];
    boot.console = Console::Hide;
    boot.timeout = PATIENCE;
    boot.forwards = vec![Forward { host: page, guest: PAGE }, Forward { host: end, guest: END }];

    let results = tempfile::tempdir().context("create a temporary folder")?;
    let outcome = thread::scope(|scope| {
        let guest = scope.spawn(|| boot.run(results.path()));
        let looked = wait_for_page(page, || guest.is_finished()).and_then(|()| look(page));
        // A guest that is not there any more has its own error to tell.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, end));
        match guest.join() {
            Ok(ended) => looked.and(ended.map(drop)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    let outcome =
        outcome.map_or_else(|error| Outcome::Failed(format!("{error:#}")), |()| Outcome::Passed);
    Ok(vec![TestResult { name: NAME.into(), outcome }])
}

/// Looks at the page on every screen and keeps a picture of each.
fn look(port: u16) -> Result<()> {
    let origin = format!("http://127.0.0.1:{port}/");
    let folder = pictures()?;
    let mut browser = Browser::start()?;
    for &(name, screen) in SCREENS {
        browser.show_on(screen)?;
        browser.open(&origin)?;
        browser.linger(LINGER)?;
        check_numbers(&mut browser, port)?;
        browser.screenshot(&folder.join(format!("{name}.png")))?;
        let is_wide = browser.evaluate(IS_WIDE)?;
        ensure!(is_wide == false, "{name}: the page is wider than the screen");
    }
    browser.allow_scripts(false)?;
    browser.open(&origin)?;
    check_numbers(&mut browser, port).context("without scripts")?;

    let outside = browser.requests().iter().find(|url| !is_inside(url, &origin));
    ensure!(outside.is_none(), "the page asks others for something: {outside:?}");
    let complaints = browser.complaints();
    ensure!(complaints.is_empty(), "the browser complains: {complaints:#?}");
    Ok(())
}

/// Every number that the page shows is the sum of that metric in `/metrics`.
fn check_numbers(browser: &mut Browser, port: u16) -> Result<()> {
    let shown = browser.evaluate(NUMBERS)?;
    let shown = shown.as_object().context("read the page's numbers")?;
    ensure!(shown.contains_key(MESSAGES), "the page does not say how many messages there were");
    let metrics = get(port, "/metrics").context("read /metrics")?;
    for (name, number) in shown {
        let sum = sum(&metrics, name);
        // The server counts whole things, so that nothing is rounded here.
        let number: f64 = number.as_str().unwrap_or_default().parse().context("read a number")?;
        ensure!((number - sum).abs() < 0.5, "{name}: {number} on the page, {sum} in {metrics}");
    }
    Ok(())
}

/// The sum of a metric's series in Prometheus' text format.
fn sum(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let series = lines.filter(|rest| rest.starts_with(['{', ' ']));
    series.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Whether something is served from `origin`, or stands in the page itself.
fn is_inside(url: &str, origin: &str) -> bool {
    url.starts_with(origin) || url.starts_with("data:") || url == "about:blank"
}

/// Where pictures are kept for people, emptied.
fn pictures() -> Result<PathBuf> {
    let folder = cargo::workspace().join("target/page");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    Ok(folder)
}

fn wait_for_page(port: u16, has_ended: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // QEMU takes connections before the guest does, and closes them again.
        let Err(error) = get(port, "/") else { return Ok(()) };
        if has_ended() || Instant::now() >= deadline {
            return Err(error).context("wait for the page");
        }
        thread::sleep(PAUSE);
    }
}

/// The body of what is at `path`.
fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("connect")?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).context("set a timeout")?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).context("send a request")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("read the answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("find the answer's end")?;
    if head.split(' ').nth(1) != Some("200") {
        bail!("{path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

/// A port that nobody uses, which QEMU takes a moment later.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_of_one_metric_alone() {
        let metrics = "# TYPE a counter\na{b=\"1 2\"} 3\na{b=\"c\"} 4\nab 5\nx 1.5\n";
        assert!((sum(metrics, "a") - 7.0).abs() < 1e-9);
        assert!((sum(metrics, "x") - 1.5).abs() < 1e-9);
    }
}
