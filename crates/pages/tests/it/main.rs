//! Pages of real records, read by a real HTML parser.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod content;
mod hostile;
mod parsed;
mod story;
