//! `incident`.

mod sync;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_casebook::{Brief, CaseError, Saying, Teller};
use ripcord_domain::incident::event::Concern;
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::{Incident, State};
use ripcord_domain::{Environment, Kind, Problem, Service};
use ripcord_store::Records;

use crate::args::{IncidentCommand, SayingArgs};
use crate::moment;
use crate::render::{Output, incident as screen};
use crate::wiring;

pub(crate) use sync::{Synced, tell};

pub(super) fn run(command: &IncidentCommand, output: &mut Output) -> Result<(), Problem> {
    let because = |why: &String| why.clone();
    match command {
        IncidentCommand::Open {
            title,
            service,
            environment,
            severity,
            name,
            saying,
        } => {
            let concern = service.as_ref().map(|service| Concern {
                service: Service::new(service.clone()),
                environment: Environment::new(environment.clone()),
            });
            let open = Saying::Open {
                title: title.clone(),
                severity: severity.clone(),
                concern,
                name: name.clone(),
            };
            say(None, &open, saying, output)
        }
        IncidentCommand::List {
            all,
            limit,
            records,
        } => {
            let mut records = wiring::records(records)?;
            list(records.as_mut(), *all, *limit, output)
        }
        IncidentCommand::Show {
            incident,
            noise,
            records,
        } => {
            let mut records = wiring::records(records)?;
            show(records.as_mut(), incident.as_deref(), *noise, output)
        }
        IncidentCommand::Note {
            incident,
            text,
            saying,
        } => {
            let note = Saying::Note { text: text.clone() };
            say(Some(incident), &note, saying, output)
        }
        IncidentCommand::Decide {
            incident,
            what,
            saying,
        } => {
            let decide = Saying::Decide { what: what.clone() };
            say(Some(incident), &decide, saying, output)
        }
        IncidentCommand::Charge {
            incident,
            deploy,
            no_deploy: _,
            why,
            saying,
        } => {
            let charge = Saying::Charge {
                deploy: deploy.clone(),
                why: because(why),
            };
            say(Some(incident), &charge, saying, output)
        }
        IncidentCommand::Correct {
            incident,
            moment,
            at,
            why,
            saying,
        } => {
            let correct = Saying::Correct {
                moment: moment_called(moment)?,
                at: instant(at)?,
                why: because(why),
            };
            say(Some(incident), &correct, saying, output)
        }
        IncidentCommand::Close {
            incident,
            why,
            although_not_over,
            saying,
        } => {
            let close = Saying::Close {
                why: because(why),
                although_not_over: *although_not_over,
            };
            say(Some(incident), &close, saying, output)
        }
        IncidentCommand::Sync {
            server,
            dry_run,
            records,
        } => {
            let server = wiring::server(server)?.ok_or_else(wiring::no_server)?;
            let mut records = wiring::records(records)?;
            sync::run(&server, records.as_mut(), *dry_run, output)
        }
        IncidentCommand::Reopen {
            incident,
            why,
            saying,
        } => {
            let reopen = Saying::Reopen { why: because(why) };
            say(Some(incident), &reopen, saying, output)
        }
    }
}

fn say(
    of: Option<&String>,
    saying: &Saying,
    args: &SayingArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let author = wiring::author(args);
    let mut records = wiring::records(&args.records)?;
    let place = wiring::machine();
    let teller = Teller {
        author: &author,
        place: &place,
        now: moment::now(),
        chance: fastrand::u128(..),
    };
    let of = of.map(String::as_str);
    let said = ripcord_casebook::say(records.as_mut(), of, saying, &teller)?;
    let brief = Brief::from(&said);
    output.value(&brief, |screen| screen::said(screen, saying, &brief));
    Ok(())
}

fn list(
    records: &mut dyn Records,
    all: bool,
    limit: u32,
    output: &mut Output,
) -> Result<(), Problem> {
    // Those that are closed are among those that are read.
    let most = if all { limit } else { u32::MAX };
    let mut briefs = ripcord_casebook::briefs(records, most).map_err(CaseError::from)?;
    briefs.retain(|brief| all || brief.state != State::Closed);
    briefs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let listing = ripcord_server::api::Listing {
        schema: ripcord_casebook::SCHEMA,
        incidents: briefs,
    };
    output.value(&listing, |screen| {
        screen::list(screen, &listing.incidents, all, moment::now())
    });
    Ok(())
}

fn show(
    records: &mut dyn Records,
    name: Option<&str>,
    noise: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let incident = found(records, name)?;
    let zone = TimeZone::system();
    let case = ripcord_casebook::case(records, incident, &zone).map_err(CaseError::from)?;
    output.value(&case, |screen| {
        screen::show(screen, &case, noise, &zone, moment::now())
    });
    Ok(())
}

/// The incident that is called so; without a name the newest that is not closed.
fn found(records: &mut dyn Records, name: Option<&str>) -> Result<Incident, Problem> {
    if let Some(name) = name {
        return Ok(ripcord_casebook::find(records, name)?);
    }
    let known = records.incidents(u32::MAX).map_err(CaseError::from)?;
    let open = known
        .into_iter()
        .find(|incident| incident.state() != State::Closed);
    open.ok_or_else(|| {
        Problem::new(Kind::Nothing, "no_incident", "no incident is open")
            .hint("`ripcord incident list --all` shows those that are closed")
    })
}

fn moment_called(text: &str) -> Result<Moment, Problem> {
    let known = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    known.map_err(|_| {
        let names = Moment::ALL.iter().filter_map(|moment| {
            let name = serde_json::to_value(moment).ok()?;
            name.as_str().map(str::to_owned)
        });
        let names: Vec<String> = names.collect();
        Problem::new(
            Kind::Usage,
            "unknown_instant",
            format!("no instant is called `{text}`"),
        )
        .hint(format!("one of: {}", names.join(", ")))
    })
}

fn instant(text: &str) -> Result<Option<Timestamp>, Problem> {
    if text == "unknown" {
        return Ok(None);
    }
    moment::parse("TIME", text, moment::now()).map(Some)
}
