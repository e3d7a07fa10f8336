//! Questions to a browser and answers from it, each a JSON text that a NUL ends.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{self, Guarded};

/// Gives the browser the descriptors 3 and 4 that it talks on, from those that a child has.
const TURN_AROUND: &str = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null";
/// It asks nobody for anything that no page asked for, and reaches this machine alone.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-gpu",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    // Root may not have it, and these pages are ours.
    "--no-sandbox",
    // A container's /dev/shm may be tiny.
    "--disable-dev-shm-usage",
];

/// How long it may take to end when asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser at the other end of two pipes, ended when dropped.
pub struct Pipe {
    questions: ChildStdin,
    heard: Receiver<Value>,
    asked: u64,
    browser: Guarded,
    /// Goes after the browser that writes to it.
    _profile: TempDir,
}

impl Pipe {
    /// Starts a browser.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn open() -> Result<Self> {
        let profile = tempfile::Builder::new().prefix("chromium-").tempdir();
        let profile = profile.context("create a temporary folder")?;
        let mut command = child::command("sh");
        command.args(["-c", TURN_AROUND, "sh", "chromium"]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        // It speaks of missing buses and the like; what matters comes through the pipe.
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        let (mut browser, answers) = Guarded::spawn(&mut command)?;
        let questions = browser.stdin().context("write to a child process")?;
        let (tell, heard) = channel();
        thread::spawn(move || listen(answers, &tell));
        Ok(Self { questions, heard, asked: 0, browser, _profile: profile })
    }

    /// Asks for `method`, of a page if a `session` is named; events that come first go to `other`.
    ///
    /// # Errors
    /// If the answer is an error or does not come by `deadline`.
    pub fn ask(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
        deadline: Instant,
        mut other: impl FnMut(&Value),
    ) -> Result<Value> {
        self.say(session, method, parameters)?;
        loop {
            let mut heard = self.hear(deadline)?;
            if heard["id"] != self.asked {
                other(&heard);
            } else if heard["error"].is_null() {
                return Ok(heard["result"].take());
            } else {
                bail!("{}", heard["error"]);
            }
        }
    }

    fn say(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<()> {
        self.asked += 1;
        let mut question = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = session {
            question["sessionId"] = session.into();
        }
        let mut question = question.to_string().into_bytes();
        question.push(0);
        self.questions.write_all(&question).context("write to chromium")
    }

    /// The next that the browser says.
    ///
    /// # Errors
    /// If it says nothing until `deadline`, or ends.
    pub fn hear(&self, deadline: Instant) -> Result<Value> {
        let time = deadline.saturating_duration_since(Instant::now());
        self.heard.recv_timeout(time).map_err(|error| match error {
            RecvTimeoutError::Timeout => anyhow::anyhow!("chromium is silent"),
            RecvTimeoutError::Disconnected => anyhow::anyhow!("chromium has ended"),
        })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // One that is killed leaves processes behind for a moment, and they write to the profile.
        if self.say(None, "Browser.close", &json!({})).is_ok() {
            let _ = self.browser.wait(Instant::now() + PATIENCE, || false);
        }
    }
}

/// Passes on what the browser says until it ends or nobody listens.
fn listen(answers: ChildStdout, tell: &Sender<Value>) {
    for text in BufReader::new(answers).split(0) {
        let value = text.ok().and_then(|text| serde_json::from_slice(&text).ok());
        let Some(value) = value else { return };
        if tell.send(value).is_err() {
            return;
        }
    }
}
