//! A headless Chromium: what a page does in it, and how the page looks.
//!
//! It is driven by the protocol of its developer tools, over pipes ([`pipe`]). Everything that pages
//! ask of the network and every complaint about them is kept, whatever is done with them.
//! Source: <https://chromedevtools.github.io/devtools-protocol/tot/>, domains Page, Runtime, Log,
//! Network, Emulation.

mod events;
mod pipe;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::prerequisites;
use events::Events;
use pipe::Pipe;

/// How long an answer may take, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running browser with one page, ended when dropped.
pub struct Browser {
    pipe: Pipe,
    /// Names the page in what is said to the browser.
    session: String,
    events: Events,
}

/// What a page is shown on.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether its user wants light text on a dark ground.
    pub is_dark: bool,
}

impl Browser {
    /// Starts a browser with an empty page; installs it if need be.
    ///
    /// # Errors
    /// If it cannot be installed or does not come up.
    pub fn start() -> Result<Self> {
        prerequisites::ensure(prerequisites::BROWSER)?;
        let mut pipe = Pipe::open().context("start chromium")?;
        let deadline = Instant::now() + PATIENCE;
        let mut ask = |method: &str, parameters: Value| {
            pipe.ask(None, method, &parameters, deadline, |_| {}).with_context(|| method.to_owned())
        };
        let target = ask("Target.createTarget", json!({"url": "about:blank"}))?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = ask("Target.attachToTarget", target)?;
        let session = session["sessionId"].as_str().context("read the page's name")?.to_owned();
        let mut browser = Self { pipe, session, events: Events::default() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Shows pages on `screen` from now on.
    ///
    /// # Errors
    /// If the browser does not answer, as for all that follow.
    pub fn show_on(&mut self, screen: Screen) -> Result<()> {
        let Screen { width, height, is_dark } = screen;
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &metrics)?;
        // They would take their width from the page.
        self.ask("Emulation.setScrollbarsHidden", &json!({"hidden": true}))?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", &features).map(drop)
    }

    /// Lets pages run scripts from now on, or not; ours still do.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub fn allow_scripts(&mut self, allowed: bool) -> Result<()> {
        self.ask("Emulation.setScriptExecutionDisabled", &json!({"value": !allowed})).map(drop)
    }

    /// Opens a page and waits until it and what it needs is loaded.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn open(&mut self, url: &str) -> Result<()> {
        let loads = self.events.loads;
        let answer = self.ask("Page.navigate", &json!({"url": url}))?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("open {url}: {error}");
        }
        let deadline = Instant::now() + PATIENCE;
        while self.events.loads == loads {
            let event = self.pipe.hear(deadline).with_context(|| format!("load {url}"))?;
            self.events.take(&event);
        }
        Ok(())
    }

    /// Gives the page time to do what it does by itself.
    ///
    /// # Errors
    /// If the browser ends.
    pub fn linger(&mut self, time: Duration) -> Result<()> {
        // An event that does not come in time is no error here, and the next question finds out about
        // a browser that has gone.
        let deadline = Instant::now() + time;
        while let Ok(event) = self.pipe.hear(deadline) {
            self.events.take(&event);
        }
        self.evaluate("0").map(drop)
    }

    /// The value of an expression of JavaScript in the page; a promise is waited for.
    ///
    /// # Errors
    /// If the expression throws.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let how = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.ask("Runtime.evaluate", &how)?;
        if !answer["exceptionDetails"].is_null() {
            bail!("evaluate {expression}: {}", answer["exceptionDetails"]);
        }
        Ok(answer["result"]["value"].take())
    }

    /// Writes a picture of the whole page, as PNG.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn screenshot(&mut self, file: &Path) -> Result<()> {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.ask("Page.captureScreenshot", &whole)?;
        let picture = answer["data"].as_str().context("read the picture")?;
        let picture = BASE64_STANDARD.decode(picture).context("read the picture")?;
        fs::write(file, picture).with_context(|| format!("write {}", file.display()))
    }

    /// The URL of everything that was asked for, in order.
    pub fn requests(&self) -> &[String] {
        &self.events.requests
    }

    /// Errors and warnings on the console, exceptions, and what could not be loaded.
    pub fn complaints(&self) -> &[String] {
        &self.events.complaints
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        let (deadline, session) = (Instant::now() + PATIENCE, Some(&*self.session));
        self.pipe
            .ask(session, method, parameters, deadline, |event| self.events.take(event))
            .with_context(|| format!("ask chromium for {method}"))
    }
}
