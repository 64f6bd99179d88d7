//! `schema` and `completions`.

use clap::CommandFactory;
use ripcord_domain::Config;
use ripcord_domain::plan::Plan;
use ripcord_domain::recovery::Recovery;
use ripcord_recovery::guard::Verdict;
use ripcord_recovery::init::Inferred;
use ripcord_recovery::lift::Quarantined;
use ripcord_recovery::status::{History, Status};
use ripcord_runbook::Event;
use ripcord_runbook::doctor::Diagnosis;
use ripcord_runbook::drift::Drift;
use schemars::schema_for;
use serde::Serialize;

use crate::args::{Cli, SchemaName};
use crate::render::recovery::Released;
use crate::render::{Failure, Output};

pub(super) fn print(name: SchemaName, output: &mut Output) {
    let schema = match name {
        SchemaName::Plan => schema_for!(Plan),
        SchemaName::Status => schema_for!(Status),
        SchemaName::History => schema_for!(History),
        SchemaName::Init => schema_for!(Inferred),
        SchemaName::Recovery => schema_for!(Recovery),
        SchemaName::Event => schema_for!(Event),
        SchemaName::Doctor => schema_for!(Diagnosis),
        SchemaName::Drift => schema_for!(Drift),
        SchemaName::Problem => schema_for!(Failure),
        SchemaName::Guard => schema_for!(Verdict),
        SchemaName::Quarantine => schema_for!(Quarantined),
        SchemaName::Release => schema_for!(Released),
        SchemaName::Gate => schema_for!(ripcord_domain::gate::Record),
        SchemaName::Debts => schema_for!(ripcord_hotfix::debts::Debts),
        SchemaName::MergeBack => schema_for!(ripcord_hotfix::merge_back::MergedBack),
        SchemaName::RelandCheck => schema_for!(ripcord_hotfix::reland::RelandChecked),
        SchemaName::Reland => schema_for!(ripcord_hotfix::reland::Relanded),
        SchemaName::Shipment => schema_for!(ripcord_hotfix::ship::Shipment),
        SchemaName::Started => schema_for!(ripcord_hotfix::start::Started),
        SchemaName::Received => schema_for!(ripcord_hotfix::Received),
        SchemaName::Payload => schema_for!(ripcord_domain::hotfix::Payload),
        SchemaName::Pipeline => schema_for!(crate::render::pipeline::Initialised),
        SchemaName::PipelineCheck => schema_for!(crate::render::pipeline::Checked),
        SchemaName::Incident => schema_for!(ripcord_casebook::Case),
        SchemaName::Incidents => schema_for!(ripcord_server::api::Listing),
        SchemaName::Brief => schema_for!(ripcord_casebook::Brief),
        SchemaName::Synced => schema_for!(super::Synced),
        SchemaName::Metrics => schema_for!(ripcord_metrics::Metrics),
        SchemaName::Tried => schema_for!(super::Tried),
        SchemaName::DeadLetters => schema_for!(ripcord_server::api::DeadLetters),
        SchemaName::Review => schema_for!(ripcord_review::Review),
        SchemaName::Settings => schema_for!(ripcord_server::settings::Settings),
        SchemaName::Config => schema_for!(Config),
        SchemaName::Openapi => return document(&ripcord_server::openapi::document(), output),
    };
    document(&schema, output);
}

fn document(schema: &impl Serialize, output: &mut Output) {
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    output.screen(|screen| writeln!(screen.out, "{text}"));
}

pub(super) fn completions(shell: clap_complete::Shell, output: &mut Output) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ripcord", &mut text);
    output.screen(|screen| screen.out.write_all(&text));
}
