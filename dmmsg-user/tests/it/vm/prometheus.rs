//! A real Prometheus in the guest, and what it answers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{deploy, require};

/// Where xtask puts Prometheus' disk; only one of the kernels' guests has it.
const BIN: &str = "/disk/bin";
/// Where the server listens.
const ADDRESS: &str = "127.0.0.1:9090";
/// Emulated, it takes some seconds to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often an expression is asked for that is waited for.
const PAUSE: Duration = Duration::from_millis(200);

/// Names and values of a series' labels.
pub type Labels = BTreeMap<String, String>;

/// A running server, with the rules of `deploy/`, killed when dropped.
pub struct Prometheus {
    child: Child,
    /// Configuration, data and log.
    folder: TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes each address each second, as the job of that name; `None` where
    /// the guest has none, having said so.
    ///
    /// Panics where `DMMSG_REQUIRE` asks for one.
    pub fn start(jobs: &[(&str, &str)]) -> Option<Self> {
        if !Path::new(BIN).exists() {
            assert!(!require::is_required("prometheus"), "DMMSG_REQUIRE has `prometheus`");
            require::skip("this kernel's guest has no Prometheus");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        fs::write(place("dmmsg.rules.yml"), deploy::RULES).expect("the rules are written");
        fs::write(place("prometheus.yml"), configuration(jobs)).expect("it is configured");
        let mut command = Command::new(format!("{BIN}/prometheus"));
        command.arg(format!("--config.file={}", place("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", place("data").display()));
        command.args([&format!("--web.listen-address={ADDRESS}"), "--log.level=warn"]);
        let log = File::create(place("log")).expect("a log");
        let child = command.stdin(Stdio::null()).stderr(log).spawn().expect("prometheus starts");
        let mut server = Self { child, folder };
        let start = Instant::now();
        while get(ADDRESS, "/-/ready").is_none() {
            let ended = server.child.try_wait().expect("prometheus is watched");
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{ended:?} {}", server.log());
            thread::sleep(PAUSE);
        }
        Some(server)
    }

    /// What an expression gives now: a series' labels and value each, in order of labels.
    pub fn query(&self, expression: &str) -> Vec<(Labels, f64)> {
        let answer = self.ask(&format!("/api/v1/query?query={}", encode(expression)));
        let series = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let mut found = series.iter().map(sample).collect::<Vec<_>>();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// The value of an expression that gives one series, or none.
    pub fn value(&self, expression: &str) -> Option<f64> {
        match &*self.query(expression) {
            [] => None,
            [(_, value)] => Some(*value),
            more => panic!("{expression}: {more:?}"),
        }
    }

    /// Waits until an expression gives something; that.
    pub fn wait_for(&self, expression: &str) -> Vec<(Labels, f64)> {
        let start = Instant::now();
        loop {
            let found = self.query(expression);
            if !found.is_empty() {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{expression} gives nothing; {}", self.log());
            thread::sleep(PAUSE);
        }
    }

    /// Waits until a job has been scraped this often from now on.
    pub fn wait_for_scrapes(&self, job: &str, count: u32) {
        let scrapes = format!("sum_over_time(up{{job=\"{job}\"}}[1h])");
        let before = self.value(&scrapes).unwrap_or_default();
        self.wait_for(&format!("{scrapes} >= {}", before + f64::from(count)));
    }

    /// Checks that all rules have been evaluated, and well.
    pub fn check_rules(&self) {
        let answer = self.ask("/api/v1/rules");
        let groups = answer["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        let rules = rules.collect::<Vec<_>>();
        assert_eq!(rules.len(), deploy::expressions::of_rules().len());
        for rule in rules {
            assert_eq!(rule["health"], "ok", "{rule}");
        }
    }

    /// The names of rules and panels whose expressions give nothing; each one must be evaluated.
    pub fn without_data(&self) -> Vec<String> {
        let mut all = deploy::expressions::of_rules();
        all.extend(deploy::expressions::of_dashboard());
        all.retain(|expression| self.query(&expression.text).is_empty());
        all.into_iter().map(|expression| expression.name).collect()
    }

    fn ask(&self, path: &str) -> Value {
        let body = get(ADDRESS, path).unwrap_or_else(|| panic!("{path}: {}", self.log()));
        let mut answer = serde_json::from_str::<Value>(&body).expect("an answer is JSON");
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].take()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail only if it has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has promtool judge metrics as they were scraped.
pub fn check_metrics(text: &str) -> Output {
    let mut command = Command::new(format!("{BIN}/promtool"));
    command.args(["check", "metrics"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = command.spawn().expect("promtool starts");
    let mut stdin = promtool.stdin.take().expect("stdin is a pipe");
    stdin.write_all(text.as_bytes()).expect("promtool reads");
    drop(stdin);
    promtool.wait_with_output().expect("promtool ends")
}

/// The body that a server gives for a path, if it answers with 200.
pub fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout is set");
    // In this version an answer comes in one piece and ends with the connection.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    if status != "200" {
        // Prometheus says in the body what is wrong with an expression.
        assert_ne!(status, "400", "{path}: {body}");
        return None;
    }
    Some(body.to_owned())
}

fn configuration(jobs: &[(&str, &str)]) -> String {
    let mut text = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n\
                    rule_files: [dmmsg.rules.yml]\n\
                    scrape_configs:\n"
        .to_owned();
    for (name, address) in jobs {
        let job = format!("{{job_name: {name}, static_configs: [{{targets: ['{address}']}}]}}");
        writeln!(text, "  - {job}").expect("a text takes it");
    }
    text
}

fn sample(series: &Value) -> (Labels, f64) {
    let labels = series["metric"].as_object().expect("labels").iter();
    let label = |(name, value): (&String, &Value)| {
        (name.clone(), value.as_str().expect("a label's value").to_owned())
    };
    let value = series["value"][1].as_str().expect("a value");
    (labels.map(label).collect(), value.parse().expect("a number"))
}

/// Text as the value in a URL's query.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a text takes it");
        }
    }
    encoded
}
