//! Tables for people, JSON for programs.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

/// A table that becomes markdown and JSON. Every cell is text or a number with its unit in the head.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<Value>>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(title: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self {
            title: title.to_owned(),
            head,
            rows: vec![],
            notes: vec![],
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Value>) {
        self.rows.push(cells);
    }

    /// A sentence below the table: what was used, what was left out.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("\n### {}\n\n{}", self.title, line(self.head.clone()));
        text += &line(self.head.iter().map(|_| "---".to_owned()).collect());
        for row in &self.rows {
            let missing = std::iter::repeat_n(&Value::Null, self.head.len() - row.len());
            text += &line(row.iter().chain(missing).map(cell).collect());
        }
        for note in &self.notes {
            text += "\n";
            text += note;
            text += "\n";
        }
        text
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let pairs = self.head.iter().cloned().zip(row.iter().cloned());
            Value::Object(pairs.collect())
        };
        let rows = self.rows.iter().map(object).collect::<Vec<_>>();
        json!({ "title": self.title, "rows": rows, "notes": self.notes })
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.abs() < 10.0 => format!("{float:.2}"),
            Some(float) if number.is_f64() => format!("{float:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Prints the tables as markdown, and writes them to `out` as JSON if a file is named.
pub(crate) fn publish(tables: &[Table], out: Option<&Path>) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    for table in tables {
        stdout.write_all(table.markdown().as_bytes())?;
    }
    if let Some(out) = out {
        let json = Value::Array(tables.iter().map(Table::json).collect());
        std::fs::write(out, serde_json::to_string_pretty(&json)? + "\n")?;
    }
    Ok(())
}

/// Tells the person who waits what is going on.
pub(crate) fn say(text: &str) {
    // Nobody may be listening, and the results do not depend on it.
    let _ = writeln!(std::io::stderr(), "{text}");
}
