//! `doctor`.

use ripcord_domain::{Kind, Problem};
use ripcord_recovery::request::{Consent, Request, Selection, Words};
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
    within: &str,
    output: &mut Output,
) -> Result<(), Problem> {
    let within = moment::duration("--within", within)?;
    let request = service.map(|service| about(service, environment));
    let unfinished = wiring::ledger()?.unfinished()?;
    let (global, environment) = (global.clone(), environment.map(str::to_owned));
    let open = move |deadline| {
        let wanted = Wanted::Environment(environment.as_deref());
        wiring::open_until(&global, wanted, Some(deadline))
    };
    let diagnosis = doctor::examine(
        Box::new(open),
        &About {
            request: request.as_ref(),
            which: &which(cluster),
            unfinished: &unfinished,
            now: moment::now(),
            within,
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
