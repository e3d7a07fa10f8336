//! The expressions that Prometheus is asked to evaluate, read from rules and dashboard.

use serde_json::Value;

use super::{DASHBOARD, RULES};

/// What the dashboard's variables stand for when all is chosen, longer names first.
const VARIABLES: &[(&str, &str)] = &[
    ("$__rate_interval", "1m"),
    ("$__range", "5m"),
    ("$target_type", ".*"),
    ("$instance", ".*"),
    ("$job", ".*"),
];

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Name of the rule, or title of the panel.
    pub name: String,
    /// As Prometheus takes it.
    pub text: String,
}

/// Those of alerts and recording rules.
pub fn of_rules() -> Vec<Expression> {
    let mut rules = Vec::<Expression>::new();
    let mut lines = RULES.lines().peekable();
    while let Some(line) = lines.next() {
        let field = line.trim_start().trim_start_matches("- ");
        match field.split_once(": ") {
            Some(("record" | "alert", name)) => {
                rules.push(Expression { name: name.to_owned(), text: String::new() });
            }
            Some(("expr", text)) => {
                let mut text = text.to_owned();
                if text == "|" {
                    let depth = indent(line);
                    text.clear();
                    while let Some(line) = lines.next_if(|line| indent(line) > depth) {
                        text.push_str(line.trim_start());
                        text.push('\n');
                    }
                }
                rules.last_mut().expect("an expression is of a rule").text = text;
            }
            _ => {}
        }
    }
    rules
}

/// Those of the dashboard, panels and annotations, with every variable set to all.
pub fn of_dashboard() -> Vec<Expression> {
    let dashboard = serde_json::from_str::<Value>(DASHBOARD).expect("the dashboard is JSON");
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push(expression(&panel["title"], &target["expr"]));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().expect("annotations") {
        found.push(expression(&annotation["name"], &annotation["expr"]));
    }
    found
}

fn expression(name: &Value, text: &Value) -> Expression {
    let (name, text) = (name.as_str().expect("a name"), text.as_str().expect("an expression"));
    let set = |text: String, (variable, value): &(&str, &str)| text.replace(variable, value);
    let text = VARIABLES.iter().fold(text.to_owned(), set);
    assert!(!text.contains('$'), "{name}: a variable is not set in {text}");
    Expression { name: name.to_owned(), text }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn every_rule_and_panel_has_an_expression() {
    let count = |word: &str| RULES.lines().filter(|line| line.contains(word)).count();
    let rules = of_rules();
    assert_eq!(rules.len(), count(" expr: "));
    assert_eq!(rules.len(), count("- alert: ") + count("- record: "));
    let dashboard = of_dashboard();
    assert_eq!(dashboard.len(), DASHBOARD.matches("\"expr\"").count());
    for Expression { name, text } in rules.into_iter().chain(dashboard) {
        assert!(!text.trim().is_empty(), "{name}");
    }
}
