//! What the exporter answers to a request.

use super::{
    metrics::{Format, Snapshot, encode},
    render::page,
};

/// What is looked at of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, without a query.
    pub path: &'a str,
    /// The header `Accept`; several are joined by commas.
    pub accept: &'a str,
    /// Whether a body follows.
    pub has_body: bool,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// The metrics, in a format.
    Metrics(Format),
    /// Whether all is well.
    Health,
    /// The page for people.
    Page,
}

/// A response but for what HTTP itself needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// More headers: name and value.
    pub headers: &'static [(&'static str, &'static str)],
    /// The body.
    pub body: Vec<u8>,
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// Paths that there are.
const METRICS: &str = "/metrics";
const HEALTH: &str = "/healthz";
const PAGE: &str = "/";

impl Request<'_> {
    /// What is asked for.
    ///
    /// # Errors
    /// Nothing that there is, or not in a way that we serve: the answer that says so.
    pub fn resource(&self) -> Result<Resource, Answer> {
        let resource = match self.path {
            METRICS => Resource::Metrics(Format::wanted(self.accept)),
            HEALTH => Resource::Health,
            PAGE => Resource::Page,
            _ => {
                let paths = format!("there are {METRICS}, {HEALTH} and {PAGE} alone");
                return Err(Answer::line(404, &paths));
            }
        };
        if !matches!(self.method, "GET" | "HEAD") {
            let headers = &[("allow", "GET, HEAD")];
            return Err(Answer { headers, ..Answer::line(405, "use GET or HEAD") });
        }
        if self.has_body {
            return Err(Answer::line(413, "a request has no body here"));
        }
        Ok(resource)
    }
}

impl Resource {
    /// The answer of what was counted.
    pub fn answer(self, snapshot: &Snapshot) -> Answer {
        match self {
            Self::Metrics(format) => match encode(format, snapshot) {
                Ok(body) => {
                    let content_type = format.content_type();
                    Answer { status: 200, content_type, headers: &[("vary", "accept")], body }
                }
                Err(error) => Answer::line(500, &error.to_string()),
            },
            Self::Health => health(snapshot),
            Self::Page => Answer {
                status: 200,
                content_type: "text/html; charset=utf-8",
                headers: &[("content-security-policy", page::POLICY)],
                body: page::page(snapshot),
            },
        }
    }
}

impl Answer {
    /// A line of text, and nothing else.
    pub fn line(status: u16, line: &str) -> Self {
        let body = format!("{line}\n").into_bytes();
        Self { status, content_type: PLAIN, headers: &[], body }
    }
}

/// Well is who has all probes that are wanted.
fn health(snapshot: &Snapshot) -> Answer {
    let wanted = snapshot.probes.len();
    let mut missing = snapshot.probes.iter().filter(|probe| !probe.attached);
    match missing.next() {
        _ if wanted == 0 => Answer::line(503, "no probe is attached"),
        None => Answer::line(200, &format!("ok: {wanted} of {wanted} probes attached")),
        Some(probe) => {
            let attached = wanted - 1 - missing.count();
            let name = probe.name;
            Answer::line(503, &format!("{attached} of {wanted} probes attached: {name} is not"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Format, Request, Resource};
    use crate::engine::metrics::{ProbeState, Snapshot};

    fn asked(method: &str, path: &str, has_body: bool) -> Result<Resource, u16> {
        let request = Request { method, path, accept: "", has_body };
        request.resource().map_err(|answer| answer.status)
    }

    #[test]
    fn what_there_is_can_be_read() {
        assert_eq!(asked("GET", "/metrics", false), Ok(Resource::Metrics(Format::Text)));
        assert_eq!(asked("HEAD", "/healthz", false), Ok(Resource::Health));
        assert_eq!(asked("GET", "/", false), Ok(Resource::Page));
    }

    #[test]
    fn nothing_else_can_be_done() {
        assert_eq!(asked("GET", "/metrics/", false), Err(404));
        assert_eq!(asked("GET", "", false), Err(404));
        assert_eq!(asked("POST", "/metrics", true), Err(405));
        assert_eq!(asked("get", "/metrics", false), Err(405));
        assert_eq!(asked("GET", "/metrics", true), Err(413));
    }

    #[test]
    fn health_needs_every_probe() {
        let probe = |name, attached| ProbeState {
            name,
            rung: "kprobe",
            attached,
            hits: Some(0),
            run_ns: None,
        };
        let health = |probes: &[ProbeState]| {
            let snapshot = Snapshot { probes: probes.to_vec(), ..Snapshot::default() };
            let Answer { status, body, .. } = Resource::Health.answer(&snapshot);
            (status, String::from_utf8(body).unwrap())
        };
        let [here, gone] = [probe("one", true), probe("two", false)];
        assert_eq!(health(&[]), (503, "no probe is attached\n".into()));
        assert_eq!(health(&[here, here]), (200, "ok: 2 of 2 probes attached\n".into()));
        assert_eq!(
            health(&[gone, here, gone]),
            (503, "1 of 3 probes attached: two is not\n".into())
        );
    }
}
