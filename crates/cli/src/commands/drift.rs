//! `drift`.

use ripcord_domain::Problem;
use ripcord_recovery::ship;
use ripcord_runbook::drift;

use super::doctor::about;
use super::recovering::which;
use crate::args::{ClusterArgs, Global};
use crate::moment;
use crate::render::{Output, drift as screen};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    service: &str,
    environment: Option<&str>,
    cluster: &ClusterArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, Wanted::Environment(environment))?;
    let plan = ship::plan(&opened, &about(service, environment), moment::now())?;
    let which = which(cluster);
    let unfinished = wiring::ledger()?.unfinished()?;
    let found = drift::find(&opened, &plan, &which, &unfinished)?;
    output.value(&found, |out| screen::drift(out, &found));
    Ok(())
}
