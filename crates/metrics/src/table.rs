//! The rows as CSV, for spreadsheets.

use ripcord_domain::incident::event::Concern;

use crate::figure::{About, Counts, Figure, Row};
use crate::judge;
use crate::metrics::Metrics;

/// Why no CSV could be written: memory.
pub type CsvError = csv::Error;

const HEADS: [&str; 8] = [
    "service",
    "environment",
    "figure",
    "about",
    "id",
    "counted",
    "milliseconds",
    "why",
];

/// Each row of each figure, with a line of heads. A field that a spreadsheet would compute begins with an apostrophe.
///
/// # Errors
/// There is no memory for it.
pub fn csv(metrics: &Metrics) -> Result<String, CsvError> {
    let mut to = csv::Writer::from_writer(Vec::new());
    to.write_record(HEADS)?;
    for application in &metrics.applications {
        for figure in &application.figures {
            for row in &figure.rows {
                let fields = fields(&application.concern, figure, row);
                to.write_record(fields.iter().map(|field| inert(field)))?;
            }
        }
    }
    let bytes = to.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fields(concern: &Concern, figure: &Figure, row: &Row) -> [String; 8] {
    let (about, id) = match &row.about {
        About::Deploy(id) => ("deploy", id.as_str()),
        About::Incident(id) => ("incident", id.as_str()),
    };
    let (counted, milliseconds, why) = counts(&row.counts);
    [
        concern.service.as_str(),
        concern.environment.as_str(),
        figure.measure.name(),
        about,
        id,
        counted,
        &milliseconds,
        &why,
    ]
    .map(str::to_owned)
}

/// How it is counted, in milliseconds, and why.
pub(crate) fn counts(counts: &Counts) -> (&'static str, String, String) {
    let (nothing, number) = (String::new, |milliseconds: i64| milliseconds.to_string());
    match counts {
        Counts::In => ("yes", nothing(), nothing()),
        Counts::Hit { because } => ("hit", nothing(), judge::why(because)),
        Counts::Took { milliseconds } => ("took", number(*milliseconds), nothing()),
        Counts::GoesOn { milliseconds } => (
            "goes on",
            milliseconds.map_or_else(nothing, number),
            nothing(),
        ),
        Counts::No { reason } => ("no", nothing(), reason.to_string()),
    }
}

/// A version or a name comes from outside; none of them may be a formula.
fn inert(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}
