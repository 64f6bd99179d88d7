//! `doctor` before an incident, and in the middle of one.

use ripcord_testkit::Output;
use serde_json::Value;

use crate::outage::Outage;

/// The document that was printed, which must be as `ripcord schema NAME` says.
#[track_caller]
pub(crate) fn valid(outage: &Outage<'_>, name: &str, output: &Output) -> Value {
    let schema = outage.ripcord().run(["schema", name]).unwrap();
    let validator = jsonschema::validator_for(&schema.json().unwrap()).unwrap();
    let document = output.json().unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?} in {document:#}");
    document
}
