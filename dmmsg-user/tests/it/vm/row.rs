//! A message as dmmsg-trace showed it.

use serde_json::Value;

/// One JSON line.
#[derive(Debug)]
pub struct Row(Value);

impl Row {
    /// Reads a line.
    pub fn from_json(line: &str) -> Self {
        Self(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {}", self.0))
    }

    /// The value at a JSON pointer as a table's cell would show it.
    pub fn cell(&self, pointer: &str) -> String {
        match self.at(pointer) {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }

    /// The values at JSON pointers, with spaces between.
    pub fn cells(&self, pointers: &[&str]) -> String {
        pointers.iter().map(|pointer| self.cell(pointer)).collect::<Vec<_>>().join(" ")
    }

    /// The number at a JSON pointer.
    pub fn number(&self, pointer: &str) -> u64 {
        self.at(pointer).as_u64().unwrap_or_else(|| panic!("{pointer} of {}", self.0))
    }

    /// What the target is and what became of the message: type, index, tag, length, return, text.
    pub fn brief(&self) -> String {
        let ret = if self.at("/errno").is_null() { "/ret" } else { "/errno" };
        let pointers = ["/dm/target_type", "/dm/index", "/msg/tag", "/msg/len", ret, "/msg/text"];
        pointers.map(|pointer| self.cell(pointer)).join(" ")
    }
}

/// The same of a table's row, where no cell has a space in it but the last.
pub fn brief_of_table(line: &str) -> String {
    let mut cells = line.split_whitespace();
    let [_time, _pid, _comm, _dev, target_type, index, tag, len, _latency, ret] =
        [(); 10].map(|()| cells.next().unwrap_or_else(|| panic!("too few cells: {line}")));
    let text = cells.collect::<Vec<_>>().join(" ");
    [target_type, index, tag, len, ret, &text].join(" ")
}
