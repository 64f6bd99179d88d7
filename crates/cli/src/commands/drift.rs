//! `drift`.

use ripcord_domain::Problem;
use ripcord_recovery::declared::declared;
use ripcord_runbook::drift;

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
    let declared = declared(&opened, service, environment)?;
    let which = which(cluster);
    let unfinished = wiring::unfinished();
    let found = drift::find(&opened, &declared, &which, &unfinished, moment::now())?;
    output.value(&found, |out| screen::drift(out, &found));
    Ok(())
}
