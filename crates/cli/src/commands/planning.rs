//! `plan` and `rollback`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use ripcord_domain::names::environment_word;
use ripcord_domain::plan::{Outcome, Plan, Scope};
use ripcord_domain::{Kind, Problem};
use ripcord_recovery::request::{Consent, Request, Selection, To, Words};
use ripcord_recovery::ship::{self, Event, Shipping};
use ripcord_recovery::survey::Branch;

use super::recovering;
use crate::args::{Global, Planning, PushArgs, QuarantineArgs, ScopeArg, WordArgs};
use crate::moment;
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    planning: &Planning,
    only_plan: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let mut request = request(planning)?;
    let opened = wiring::open(global, Wanted::Environment(request.environment.as_deref()))?;
    if recovering::is_live(planning) {
        if !only_plan {
            ask_reason(&mut request.words, &planning.push, output)?;
        }
        return recovering::rollback(&opened, request, planning, only_plan, output);
    }
    if only_plan {
        let plan = ship::plan(&opened, &request, moment::now())?;
        output.value(&plan, |screen| human::plan(screen, &plan));
        return Ok(());
    }
    ask_reason(&mut request.words, &planning.push, output)?;
    carry_out(
        &opened,
        &planning.push,
        output,
        |shipping, approve, watch| {
            ship::rollback(&opened, &request, shipping, &moment::now, approve, watch)
        },
    )
}

/// What is asked before a push, with the plan.
pub(super) type Approve<'f> = dyn FnMut(&Plan) -> Result<bool, Problem> + 'f;

/// Asks, pushes, and prints what it came to: the same for everything that makes a commit.
pub(super) fn carry_out(
    opened: &Branch,
    push: &PushArgs,
    output: &mut Output,
    ship: impl FnOnce(&Shipping, &mut Approve<'_>, &mut dyn FnMut(Event)) -> Result<Plan, Problem>,
) -> Result<(), Problem> {
    let mut shown = false;
    let mut progress = Output::progress();
    let plan = ship(
        &shipping(push),
        &mut |plan| approve(plan, push, output, &mut shown),
        &mut |event| progress(event),
    )?;
    finish(opened, &plan, shown, output)
}

/// Turns what was typed into a request.
fn request(planning: &Planning) -> Result<Request, Problem> {
    let now = moment::now();
    let mut names = list(planning.services.as_deref())?;
    let mut environment = planning
        .environment
        .clone()
        .or_else(|| planning.environment_flag.clone());
    // With a selection by time or commit a lone name is the environment, unless it is `--as-of`
    // and no environment word: then it is a service.
    let selects = planning.deployed_since.is_some() || planning.commit.is_some();
    let is_word = names.len() == 1 && environment_word(&names[0]).is_some();
    if environment.is_none()
        && names.len() == 1
        && (selects || (planning.as_of.is_some() && is_word))
    {
        environment = names.pop();
    }
    if selects && !names.is_empty() {
        return Err(Problem::new(
            Kind::Usage,
            "too_many_names",
            "`--deployed-since` and `--commit` choose the services themselves",
        )
        .hint("name only the environment: `-e ENV`"));
    }
    let selection = if let Some(time) = &planning.deployed_since {
        Selection::DeployedSince(moment::parse("--deployed-since", time, now)?)
    } else if let Some(time) = &planning.as_of {
        Selection::AsOf(moment::parse("--as-of", time, now)?, names)
    } else if let Some(commit) = &planning.commit {
        Selection::Commit(commit.clone())
    } else if names.is_empty() {
        return Err(Problem::new(Kind::Usage, "no_service", "no service is named")
            .hint("`ripcord rollback SERVICE [ENV]`, or choose by `--deployed-since`, `--as-of` or `--commit`"));
    } else {
        Selection::Services(names)
    };
    Ok(Request {
        selection,
        environment,
        to: planning.to.as_deref().map(target).transpose()?,
        scope: planning.scope.map(|scope| match scope {
            ScopeArg::Version => Scope::Version,
            ScopeArg::Deploy => Scope::Deploy,
            ScopeArg::Exact => Scope::Exact,
        }),
        again: planning.again,
        consent: Consent {
            include_shared: planning.include_shared,
            accept_risk: planning.accept_risk,
            onto_latest: planning.onto_latest,
        },
        words: words(&planning.words),
        quarantine: quarantine(&planning.quarantine)?,
    })
}

/// For how long what is left must not be deployed again; none where nothing is to be written down.
/// When what is quarantined now may be deployed again: in whole seconds, as the file says it.
pub(super) fn quarantined_until(args: &QuarantineArgs) -> Result<Timestamp, Problem> {
    let lasts = moment::term("--quarantine-for", &args.quarantine_for)?;
    let now = moment::now()
        .round(Unit::Second)
        .unwrap_or_else(|_| moment::now());
    Ok(now.checked_add(lasts).unwrap_or(Timestamp::MAX))
}

fn quarantine(args: &QuarantineArgs) -> Result<Option<SignedDuration>, Problem> {
    if args.no_quarantine {
        return Ok(None);
    }
    moment::term("--quarantine-for", &args.quarantine_for).map(Some)
}

fn list(services: Option<&str>) -> Result<Vec<String>, Problem> {
    let Some(services) = services else {
        return Ok(Vec::new());
    };
    let names: Vec<String> = services
        .split(',')
        .map(|name| name.trim().to_owned())
        .collect();
    if names.iter().any(String::is_empty) {
        return Err(Problem::new(
            Kind::Usage,
            "no_service",
            format!("`{services}` has an empty name in it"),
        ));
    }
    Ok(names)
}

fn target(text: &str) -> Result<To, Problem> {
    match text.strip_prefix('-') {
        Some(number) => match number.parse::<usize>() {
            Ok(steps) if steps > 0 => Ok(To::Steps(steps)),
            _ => Err(Problem::new(
                Kind::Usage,
                "bad_target",
                format!("--to: `{text}` is not -N"),
            )
            .hint("write a version, a commit, or -1, -2, …")),
        },
        None if text.is_empty() => Err(Problem::new(Kind::Usage, "bad_target", "--to: is empty")),
        None => Ok(To::Named(text.to_owned())),
    }
}

pub(super) fn words(words: &WordArgs) -> Words {
    Words {
        reason: words.reason.clone(),
        incident: words.incident.clone(),
        requested_by: words.requested_by.clone(),
        recovery: None,
    }
}

pub(super) fn shipping(push: &PushArgs) -> Shipping {
    Shipping {
        push_to: push.push_to.clone(),
        patience: Duration::from_mins(2),
        longest_pause: Duration::from_secs(12),
    }
}

/// Asks for a reason where somebody can answer; nobody has to.
pub(super) fn ask_reason(
    words: &mut Words,
    push: &PushArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    if words.reason.is_none() && !push.yes && output.can_ask() {
        let answer = Output::ask("Reason (goes into the commit, Enter for none): ")?;
        words.reason = Some(answer.trim().to_owned()).filter(|text| !text.is_empty());
    }
    Ok(())
}

/// Shows the plan and asks, unless that was answered by `--yes`.
pub(super) fn approve(
    plan: &Plan,
    push: &PushArgs,
    output: &mut Output,
    shown: &mut bool,
) -> Result<bool, Problem> {
    if push.yes {
        return Ok(true);
    }
    if !output.can_ask() {
        return Err(Problem::new(
            Kind::Usage,
            "not_confirmed",
            "nobody is there to confirm; nothing was pushed",
        )
        .hint("add `--yes` to go on, or `--dry-run` to see the plan"));
    }
    output.screen(|screen| human::plan(screen, plan));
    *shown = true;
    let to = push.push_to.as_deref().unwrap_or(&plan.branch);
    let answer = Output::ask(&format!("Push this to {to}? [y/N] "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

/// Prints what it came to.
fn finish(opened: &Branch, plan: &Plan, shown: bool, output: &mut Output) -> Result<(), Problem> {
    if plan.outcome == Outcome::Planned {
        return Err(Problem::new(
            Kind::Refused,
            "declined",
            "not confirmed; nothing was pushed",
        ));
    }
    output.value(plan, |screen| {
        human::done(screen, plan, shown, opened.is_default)
    });
    Ok(())
}
