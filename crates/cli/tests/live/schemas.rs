//! Whether what is printed is as the published schemas say.

use ripcord_testkit::Output;
use serde_json::Value;

use crate::outage::Outage;

/// The document that was printed, which must be as `ripcord schema NAME` says.
#[track_caller]
pub(crate) fn valid(outage: &Outage<'_>, name: &str, output: &Output) -> Value {
    let document = output.json().unwrap();
    assert_valid(outage, name, std::slice::from_ref(&document));
    document
}

/// Fails unless each document is as `ripcord schema NAME` says.
#[track_caller]
pub(crate) fn assert_valid(outage: &Outage<'_>, name: &str, documents: &[Value]) {
    let schema = outage.ripcord().run(["schema", name]).unwrap();
    let validator = jsonschema::validator_for(&schema.json().unwrap()).unwrap();
    for document in documents {
        let errors = validator.iter_errors(document);
        let wrong: Vec<String> = errors.map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:#?} in {document:#}");
    }
}
