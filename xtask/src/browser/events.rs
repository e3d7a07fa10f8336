//! What the browser tells of a page without being asked.

use serde_json::Value;

/// Everything that was told so far.
#[derive(Default)]
pub struct Events {
    /// Pages that were loaded whole.
    pub loads: u32,
    /// See [`super::Browser::requests`].
    pub requests: Vec<String>,
    /// See [`super::Browser::complaints`].
    pub complaints: Vec<String>,
}

impl Events {
    /// Takes one event.
    pub fn take(&mut self, event: &Value) {
        let told = &event["params"];
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.loads += 1,
            Some("Network.requestWillBeSent") => {
                self.requests.extend(told["request"]["url"].as_str().map(str::to_owned));
            }
            Some("Network.loadingFailed") => {
                self.complain("not loaded", &told["errorText"]);
            }
            Some("Runtime.exceptionThrown") => {
                self.complain("exception", &told["exceptionDetails"]);
            }
            // Violations of a page's own policy come this way too.
            Some("Log.entryAdded") if is_bad(&told["entry"]["level"]) => {
                self.complain("log", &told["entry"]["text"]);
            }
            Some("Runtime.consoleAPICalled") if is_bad(&told["type"]) => {
                self.complain("console", &told["args"]);
            }
            _ => {}
        }
    }

    fn complain(&mut self, what: &str, details: &Value) {
        self.complaints.push(format!("{what}: {details}"));
    }
}

fn is_bad(level: &Value) -> bool {
    matches!(level.as_str(), Some("error" | "warning" | "assert"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_wrong_is_a_complaint() {
        let mut events = Events::default();
        for (method, params) in [
            ("Log.entryAdded", json!({"entry": {"level": "verbose", "text": "a"}})),
            ("Log.entryAdded", json!({"entry": {"level": "error", "text": "b"}})),
            ("Runtime.consoleAPICalled", json!({"type": "log", "args": ["c"]})),
            ("Runtime.consoleAPICalled", json!({"type": "warning", "args": ["d"]})),
            ("Network.requestWillBeSent", json!({"request": {"url": "http://e/"}})),
            ("Page.loadEventFired", json!({"timestamp": 1})),
        ] {
            events.take(&json!({"method": method, "params": params}));
        }
        assert_eq!(events.complaints, ["log: \"b\"", "console: [\"d\"]"]);
        assert_eq!((events.requests, events.loads), (vec!["http://e/".to_owned()], 1));
    }
}
