//! A screen of what is busy, slow or failing; made to fit 80 columns and 24 lines.

use dmmsg_common::dm::DevT;
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Modifier, Style},
    text::Line,
    widgets::{Row as Cells, Table},
};

use super::duration::Duration;
use crate::engine::{
    event::until_nul,
    groups::{Device, Group},
    names::escape::escaped,
    top::{Hanging, Order, Row, Sender, Top},
};

/// Columns before the last, which takes what is left.
const WIDTHS: [Constraint; 9] = [
    Constraint::Length(11),
    Constraint::Length(9),
    Constraint::Length(13),
    Constraint::Length(6),
    Constraint::Length(4),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Length(6),
    Constraint::Fill(1),
];
const TITLES: [&str; 9] =
    ["DEVICE", "TYPE", "TAG", "RATE/s", "FAIL", "   P50", "   P99", "   MAX", "LAST"];

/// Lines for messages in flight at most, with their title.
const HANGING_LINES: u16 = 6;

/// What else a screen tells.
#[derive(Clone, Debug)]
pub struct Status {
    /// The time of day.
    pub time: [u8; 12],
    /// Messages shown so far.
    pub shown: u64,
    /// Messages lost so far.
    pub lost: u64,
}

/// Draws the screen.
pub fn draw(frame: &mut Frame<'_>, top: &Top, status: &Status) {
    let (hanging, hanging_count) = top.hanging();
    let lines = u16::try_from(hanging.len()).unwrap_or(u16::MAX).saturating_add(1);
    let below = if hanging.is_empty() { 0 } else { lines.min(HANGING_LINES) };
    let areas = [
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(below),
        Constraint::Length(1),
    ];
    let [head, rows, waiting, keys] = Layout::vertical(areas).areas(frame.area());

    let time = str::from_utf8(&status.time).unwrap_or_default();
    let Status { shown, lost, .. } = status;
    let told = format!("dmmsg-trace {time}  {shown} shown, {lost} lost, {hanging_count} in flight");
    frame.render_widget(Line::styled(told, Modifier::BOLD), head);

    let table = Table::new(top.rows().iter().map(cells), WIDTHS);
    let titles = Cells::new(TITLES).style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_widget(table.header(titles).column_spacing(1), rows);

    let title = Line::styled("IN FLIGHT", Modifier::REVERSED);
    let lines = std::iter::once(title).chain(hanging.iter().map(|hanging| line(hanging)));
    for (line, area) in lines.zip(waiting.rows()) {
        frame.render_widget(line, area);
    }
    frame.render_widget(help(top.order()), keys);
}

fn cells(row: &Row<'_>) -> Cells<'static> {
    let Group { device, kind } = row.group;
    let device = match device {
        Some(Device::Known(DevT(0), [])) => "-".to_owned(),
        Some(Device::Known(dev, [])) => {
            format!("{}:{}", dev.major(), dev.minor())
        }
        Some(Device::Known(_, name)) => escaped(name),
        Some(Device::Other) => "(others)".to_owned(),
        None => String::new(),
    };
    let (target_type, verb) =
        kind.map_or(("-", "-"), |kind| (kind.target_type.unwrap_or("-"), kind.verb));
    let [p50, p99] = [500, 990].map(|permille| row.latency.quantile(permille));
    let rate = format!("{}.{}", row.rate_tenths / 10, row.rate_tenths % 10);
    let times = [p50, p99, row.latency.max()].map(|ns| format!("{:>#6}", Duration(ns)));
    let [p50, p99, max] = times;
    let last = row.last.as_ref().map(sender).unwrap_or_default();
    Cells::new([
        device,
        target_type.to_owned(),
        verb.to_owned(),
        format!("{rate:>6}"),
        format!("{:>4}", row.errors),
        p50,
        p99,
        max,
        last,
    ])
}

fn sender(sender: &Sender) -> String {
    format!("{} {}", sender.pid, escaped(until_nul(&sender.comm)))
}

fn line(hanging: &Hanging) -> Line<'static> {
    let Hanging { age_ns, device, text, .. } = hanging;
    let age = format!("{:>#6}", Duration(*age_ns));
    let words = [&age, &sender(&hanging.sender), &escaped(device), &escaped(text)];
    Line::raw(words.map(String::as_str).join("  "))
}

fn help(order: Order) -> Line<'static> {
    let mut words = vec!["q quit  order by:".to_owned()];
    for (each, key) in Order::ALL {
        let mark = if each == order { "*" } else { "" };
        words.push(format!("{key} {}{mark}", name(each)));
    }
    Line::styled(words.join("  "), Modifier::DIM)
}

const fn name(order: Order) -> &'static str {
    match order {
        Order::Rate => "rate",
        Order::Errors => "failed",
        Order::P99 => "p99",
        Order::Max => "max",
    }
}
