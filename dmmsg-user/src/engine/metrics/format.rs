//! The formats metrics are served in, and which of them a client wants.

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
    /// Prometheus' protobuf, with native histograms beside the classic ones.
    Protobuf,
}

impl Format {
    /// All of them; of several that a client likes as much, the first wins.
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// Value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        }
    }

    /// The format that a header `Accept` likes best; text where it likes none, for an answer in
    /// another format than was asked for is of more use than none.
    pub fn wanted(accept: &str) -> Self {
        let mut best = (Self::Text, 0);
        for format in Self::ALL {
            let permille = format.liked_permille(accept);
            if permille > best.1 {
                best = (format, permille);
            }
        }
        best.0
    }

    /// How much the header likes this format: what the most specific range that holds it says.
    fn liked_permille(self, accept: &str) -> u32 {
        let ranges = accept.split(',').filter_map(Range::parse);
        let fitting = ranges.filter_map(|range| Some((range.specificity(self)?, range.permille)));
        fitting.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, permille)| permille)
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::OpenMetrics => "application/openmetrics-text",
            Self::Protobuf => "application/vnd.google.protobuf",
        }
    }

    /// Whether a parameter of a range holds of this format.
    fn admits(self, name: &str, value: &str) -> bool {
        match (self, name) {
            (Self::Text, "version") => value == "0.0.4",
            (Self::OpenMetrics, "version") => value == "1.0.0",
            (Self::Protobuf, "proto") => value == "io.prometheus.client.MetricFamily",
            (Self::Protobuf, "encoding") => value == "delimited",
            // How names are escaped, which ours need not be; the character set; what is unknown.
            _ => true,
        }
    }
}

/// What stands between commas in a header `Accept`.
struct Range<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    permille: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().filter(|media_type| !media_type.is_empty())?;
        let mut range = Self { media_type, parameters: Vec::new(), permille: 1000 };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("q") {
                range.permille = permille(value);
            } else {
                range.parameters.push((name, value));
            }
        }
        Some(range)
    }

    /// How closely the range tells the format; `None` where it does not hold it.
    fn specificity(&self, format: Format) -> Option<usize> {
        let media_type = format.media_type();
        let family = media_type.split('/').next()?;
        if self.media_type == "*/*" {
            return Some(0);
        }
        if self.media_type.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(family)) {
            return Some(1);
        }
        let mut parameters = self.parameters.iter();
        let fits = self.media_type.eq_ignore_ascii_case(media_type)
            && parameters.all(|(name, value)| format.admits(name, value));
        fits.then_some(2 + self.parameters.len())
    }
}

/// A weight from 0 to 1 in thousandths; what cannot be read is no wish.
fn permille(weight: &str) -> u32 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if part.len() > 3 || !is_number(part) {
        return 0;
    }
    let thousandths = format!("{part:0<3}").parse().unwrap_or(0);
    match whole {
        "0" => thousandths,
        "1" => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, OpenMetrics, Protobuf, Text};

    #[test]
    fn the_best_liked_format_is_served() {
        let real = [
            // Prometheus 2.42, without and with native histograms.
            (
                "application/openmetrics-text;version=1.0.0,\
                 application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                 encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
                 application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Protobuf,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
            // curl, a browser, nothing.
            ("*/*", Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text),
            ("", Text),
        ];
        for (accept, format) in real {
            assert_eq!(Format::wanted(accept), format, "{accept}");
        }
    }

    #[test]
    fn odd_headers_get_an_answer() {
        let odd = [
            ("image/png", Text),
            ("application/openmetrics-text; q=0, */*", Text),
            ("text/plain;q=0.1, application/openmetrics-text;q=0.2", OpenMetrics),
            ("text/plain;q=0, application/*;q=0.3", OpenMetrics),
            ("APPLICATION/OPENMETRICS-TEXT; Q=1", OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text; version=2.0.0, text/plain;q=0.1", Text),
            ("application/vnd.google.protobuf; encoding=text", Text),
            ("text/plain;q=nan, application/openmetrics-text;q=0.001", OpenMetrics),
            (",;,=;q=", Text),
        ];
        for (accept, format) in odd {
            assert_eq!(Format::wanted(accept), format, "{accept}");
        }
    }
}
