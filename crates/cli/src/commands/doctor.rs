//! `doctor`.

use ripcord_domain::{Config, Kind, Problem};
use ripcord_recovery::request::{Consent, Request, Selection, Words};
use ripcord_recovery::ship;
use ripcord_runbook::doctor::{self, About, Light};

use super::recovering::which;
use crate::args::{ClusterArgs, Global};
use crate::moment;
use crate::render::{Output, doctor as screen};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    service: Option<&str>,
    environment: Option<&str>,
    cluster: &ClusterArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, Wanted::Environment(environment))?;
    let now = moment::now();
    let (plan, config) = match service {
        Some(service) => {
            let plan = ship::plan(&opened, &about(service, environment), now);
            let config = match &plan {
                Ok(plan) => opened.config_of(plan)?,
                Err(_) => Config::default(),
            };
            (Some(plan), config)
        }
        None => match opened.newest() {
            Ok(place) => (None, place.settings.config),
            // Where Git cannot be read the rest is still worth a look.
            Err(problem) => (Some(Err(problem)), Config::default()),
        },
    };
    let which = which(cluster);
    let unfinished = wiring::ledger()?.unfinished()?;
    let diagnosis = doctor::examine(
        &opened,
        &About {
            plan: plan.as_ref().map(Result::as_ref),
            config: &config,
            which: &which,
            unfinished: &unfinished,
            now,
        },
    )?;
    output.answer(&diagnosis, |out| screen::diagnosis(out, &diagnosis));
    if diagnosis.light == Light::Red {
        return Err(Problem::new(
            Kind::Nothing,
            "not_well",
            "a recovery would stop at what is red",
        ));
    }
    Ok(())
}

/// A rollback of a service, to ask what it would meet.
fn about(service: &str, environment: Option<&str>) -> Request {
    Request {
        selection: Selection::Services(vec![service.to_owned()]),
        environment: environment.map(str::to_owned),
        to: None,
        scope: None,
        again: false,
        consent: Consent::default(),
        words: Words::default(),
        quarantine: None,
    }
}
