//! How far a campaign is, as libFuzzer's lines tell.

use std::time::Duration;

/// The last numbers that were told.
#[derive(Debug, Default)]
pub struct Status {
    inputs: u64,
    edges: u64,
    corpus: u64,
}

impl Status {
    /// Reads a line; whether it is one about progress.
    ///
    /// Such as `#4096 NEW    cov: 1337 ft: 2500 corp: 150/12Kb lim: 4096 exec/s: 2048 rss: 40Mb`.
    pub fn read(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let Some(inputs) = words.next().and_then(|word| word.strip_prefix('#')) else {
            return self.read_final(line);
        };
        let Ok(inputs) = inputs.parse() else { return false };
        self.inputs = inputs;
        while let Some(word) = words.next() {
            let mut number = || words.next()?.split('/').next()?.parse().ok();
            match word {
                "cov:" => self.edges = number().unwrap_or(self.edges),
                "corp:" => self.corpus = number().unwrap_or(self.corpus),
                _ => {}
            }
        }
        true
    }

    /// Reads the count of inputs that is told at the end; whether the line is one of the statistics.
    fn read_final(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix("stat::") else { return false };
        if let Some(inputs) = rest.strip_prefix("number_of_executed_units:") {
            self.inputs = inputs.trim().parse().unwrap_or(self.inputs);
        }
        true
    }

    /// The status for people.
    pub fn line(&self, name: &str, elapsed: Duration) -> String {
        let Self { inputs, edges, corpus } = self;
        let seconds = elapsed.as_secs();
        let rate = inputs / seconds.max(1);
        format!(
            "{name}: {seconds} s, {inputs} inputs, {rate}/s, {edges} edges reached, \
             {corpus} inputs worth keeping"
        )
    }
}

/// The path of the input that broke the target, if the line tells it.
pub fn crash_of(line: &str) -> Option<&str> {
    line.split_once("Test unit written to ").map(|(_, path)| path.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read() {
        let mut status = Status::default();
        assert!(!status.read("INFO: Seed: 123"));
        assert!(status.read("#2\tINITED cov: 7 ft: 9 corp: 1/1b exec/s: 0 rss: 29Mb"));
        assert!(
            status.read("#4096\tpulse  cov: 1337 ft: 2500 corp: 150/12Kb lim: 43 exec/s: 2048")
        );
        let line =
            "capture: 2 s, 4096 inputs, 2048/s, 1337 edges reached, 150 inputs worth keeping";
        assert_eq!(status.line("capture", Duration::from_millis(2500)), line);
        assert!(status.read("stat::number_of_executed_units: 5000"));
        assert_eq!(status.inputs, 5000);
    }

    #[test]
    fn a_crash_is_found() {
        let line = "artifact_prefix='/t/'; Test unit written to /t/crash-0a1b";
        assert_eq!(crash_of(line), Some("/t/crash-0a1b"));
        assert_eq!(crash_of("==12== ERROR: libFuzzer: deadly signal"), None);
    }
}
