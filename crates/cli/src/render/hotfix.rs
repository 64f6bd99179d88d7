//! Hotfixes and deploys, for people.

use std::io;

use jiff::Timestamp;
use ripcord_domain::gate::Record;
use ripcord_domain::hotfix::Payload;
use ripcord_domain::hotfix::debt::{Debt, Stage, State};
use ripcord_domain::message::short_commit;
use ripcord_hotfix::Received;
use ripcord_hotfix::debts::Debts;
use ripcord_hotfix::merge_back::MergedBack;
use ripcord_hotfix::production::By;
use ripcord_hotfix::receive::Landing;
use ripcord_hotfix::reland::{RelandChecked, Relanded};
use ripcord_hotfix::ship::{Hop, Shipment};
use ripcord_hotfix::start::Started;

use super::{Screen, table};

/// What a request to deploy came to.
pub(crate) fn received(screen: &mut Screen<'_>, received: &Received) -> io::Result<()> {
    let Received {
        service,
        environment,
        image,
        ..
    } = received;
    let commit = received.commit.as_deref().map_or("", short_commit);
    let branch = &received.branch;
    let line = match received.outcome {
        Landing::Planned => format!("would deploy {image} as {service} to {environment}"),
        Landing::Pushed => {
            format!(
                "deployed {image} as {service} to {environment}: {commit} on {branch}; pushed, not yet synced"
            )
        }
        Landing::KnownAlready => format!(
            "{} was carried out before: {commit} on {branch}; nothing was pushed",
            received.correlation_id
        ),
        Landing::DeclaredAlready => format!(
            "{service} in {environment} is declared to run {image} already; nothing was pushed"
        ),
    };
    writeln!(screen.out, "{line}")?;
    if let Some(name) = &received.hotfix {
        writeln!(
            screen.out,
            "  hotfix {name}: `ripcord hotfix status` shows what it owes"
        )?;
    }
    for warning in &received.warnings {
        writeln!(screen.out, "  warning: {warning}")?;
    }
    if received.outcome == Landing::Planned {
        for change in &received.changes {
            writeln!(screen.out, "\n{}", change.diff.trim_end())?;
        }
    }
    Ok(())
}

/// A hotfix that begins.
pub(crate) fn started(screen: &mut Screen<'_>, started: &Started) -> io::Result<()> {
    let Started {
        service,
        environment,
        image,
        branch,
        source,
        main,
        ..
    } = started;
    let short = short_commit(&started.commit);
    let how = match started.by {
        Some(By::Label) => "the image's label says so",
        Some(By::Tag) => "the image's tag says so",
        None => "as you named it",
    };
    writeln!(screen.out, "{service} in {environment} runs {image}")?;
    writeln!(screen.out, "  built of {short} of {source} ({how})")?;
    for warning in &started.warnings {
        writeln!(screen.out, "  warning: {warning}")?;
    }
    for other in &started.others {
        writeln!(
            screen.out,
            "  warning: hotfix {other} is not in {main} yet: what is built without it is refused"
        )?;
    }
    let count = started.not_in_production.len();
    if count == 0 {
        writeln!(screen.out, "\nEverything on {main} is in production.")?;
    } else {
        let more = if started.and_more { " and more" } else { "" };
        writeln!(
            screen.out,
            "\nOn {main} and not in production, so not in this hotfix either ({count}{more}):"
        )?;
        for commit in &started.not_in_production {
            writeln!(
                screen.out,
                "  {}  {}  {}",
                short_commit(&commit.commit),
                commit.subject,
                commit.author
            )?;
        }
    }
    writeln!(screen.out)?;
    match (started.is_pushed, started.was_there) {
        (false, _) => writeln!(screen.out, "Would begin `{branch}` at {short}.")?,
        (true, true) => writeln!(screen.out, "`{branch}` is there already.")?,
        (true, false) => writeln!(screen.out, "Began `{branch}` at {short}.")?,
    }
    if started.is_pushed {
        writeln!(
            screen.out,
            "In a clone of the source:\n  git fetch origin && git switch {branch}\nthen fix, commit, push; or `ripcord hotfix gate` and `ripcord hotfix ship` there."
        )?;
    }
    Ok(())
}

/// Each debt in a line.
pub(crate) fn list(screen: &mut Screen<'_>, debts: &Debts, now: Timestamp) -> io::Result<()> {
    if debts.debts.is_empty() {
        return writeln!(screen.out, "No hotfix owes anything.");
    }
    let mut rows = Vec::new();
    for debt in &debts.debts {
        rows.push(vec![
            debt.hotfix.to_string(),
            debt.service.to_string(),
            debt.environment.to_string(),
            debt.version.clone(),
            standing(debt, now),
            format!("{} of {}", debt.owed().count(), debt.parts.len()),
        ]);
    }
    let headings = [
        "HOTFIX",
        "SERVICE",
        "ENVIRONMENT",
        "VERSION",
        "STANDS",
        "MISSING",
    ];
    table::print(screen.out, &headings, &rows)
}

/// Each debt with its parts.
pub(crate) fn debts(screen: &mut Screen<'_>, debts: &Debts, now: Timestamp) -> io::Result<()> {
    if debts.debts.is_empty() {
        return writeln!(screen.out, "No hotfix owes anything.");
    }
    for (at, debt) in debts.debts.iter().enumerate() {
        if at > 0 {
            writeln!(screen.out)?;
        }
        let title = format!(
            "{}  {} {} in {}",
            debt.hotfix, debt.service, debt.version, debt.environment
        );
        writeln!(screen.out, "{}", screen.bold(&title))?;
        writeln!(
            screen.out,
            "  shipped {}, due {}: {}",
            debt.opened,
            debt.due,
            standing(debt, now)
        )?;
        for part in &debt.parts {
            let (mark, words) = match &part.state {
                State::Paid { evidence } => (screen.green("paid   "), evidence),
                State::Owed { why } => (screen.red("owed   "), why),
                State::Unknown { why } => (screen.red("unknown"), why),
            };
            writeln!(screen.out, "  {mark}  {}: {words}", part.what.words())?;
        }
    }
    Ok(())
}

/// How a debt stands against its clock.
pub(super) fn standing(debt: &Debt, now: Timestamp) -> String {
    let hours = |from: Timestamp, to: Timestamp| to.duration_since(from).as_hours();
    match debt.stage {
        Stage::Paid => "paid".to_owned(),
        Stage::Open => format!("open, {} h left", hours(now, debt.due)),
        Stage::Reminded { percent } => {
            format!(
                "{percent} % of the time is over, {} h left",
                hours(now, debt.due)
            )
        }
        Stage::Overdue => format!("OVERDUE by {} h", hours(debt.due, now)),
    }
}

/// What a gate found.
pub(crate) fn gate(screen: &mut Screen<'_>, record: &Record) -> io::Result<()> {
    let short = short_commit(&record.commit);
    let name = record
        .hotfix
        .as_ref()
        .map_or_else(String::new, |name| format!(" of hotfix {name}"));
    writeln!(screen.out, "Gate{name} at {short}, {:.1} s", record.seconds)?;
    for check in &record.checks {
        let words = check.verdict.words();
        let is_decided = record.overrides.iter().any(|one| one.check == check.name);
        let mark = if !check.verdict.stops() {
            screen.green(words)
        } else if is_decided {
            format!("{words} (overridden)")
        } else {
            screen.red(words)
        };
        writeln!(
            screen.out,
            "  {}  {mark}  {:.1} s",
            check.name, check.seconds
        )?;
        if let Some(why) = &check.why {
            writeln!(screen.out, "      {why}")?;
        }
        for finding in check.findings.iter().take(5) {
            writeln!(
                screen.out,
                "      {:?} {} in {} {}",
                finding.severity, finding.id, finding.package, finding.installed
            )?;
        }
        if check.verdict.stops() {
            for line in &check.last_lines {
                writeln!(screen.out, "      | {line}")?;
            }
        }
    }
    for one in &record.overrides {
        writeln!(
            screen.out,
            "  decided by {}: {}: {}",
            one.by, one.check, one.reason
        )?;
    }
    if !record.skipped.is_empty() {
        let names: Vec<&str> = record.skipped.iter().map(|one| one.name.as_str()).collect();
        writeln!(screen.out, "  left out, and owed: {}", names.join(", "))?;
    }
    if record.rescan_owed {
        writeln!(screen.out, "  owed too: a scan with a new database")?;
    }
    if let (Some(image), Some(digest)) = (&record.image, &record.digest) {
        writeln!(screen.out, "  {image}@{digest}")?;
    }
    let end = if record.passed { "passed" } else { "stopped" };
    writeln!(screen.out, "{end}; signed off by {}", record.signed_off_by)
}

/// What would be sent.
pub(crate) fn payload(screen: &mut Screen<'_>, payload: &Payload) -> io::Result<()> {
    writeln!(
        screen.out,
        "would ask to deploy {} as {} to {}",
        payload.by_tag(),
        payload.service,
        payload.environment
    )?;
    let text = serde_json::to_string_pretty(payload).unwrap_or_default();
    writeln!(screen.out, "{text}")
}

/// How far a hotfix came.
pub(crate) fn shipment(screen: &mut Screen<'_>, shipment: &Shipment) -> io::Result<()> {
    let Shipment {
        service,
        environment,
        image,
        correlation_id,
        ..
    } = shipment;
    writeln!(
        screen.out,
        "{image} as {service} to {environment} ({correlation_id})"
    )?;
    for hop in [
        Hop::Dispatched,
        Hop::Running,
        Hop::Committed,
        Hop::Synced,
        Hop::Ready,
    ] {
        match shipment.hops.iter().find(|one| one.hop == hop) {
            Some(one) => writeln!(
                screen.out,
                "  {:<14} {:>7.1} s  {}",
                hop.words(),
                one.seconds,
                one.seen
            )?,
            None => writeln!(screen.out, "  {:<14}       -", hop.words())?,
        }
    }
    if let Some(why) = &shipment.not_followed {
        writeln!(screen.out, "  {why}")?;
    }
    Ok(())
}

/// Each hotfix's way to main.
pub(crate) fn merged_back(screen: &mut Screen<'_>, merged: &MergedBack) -> io::Result<()> {
    let main = &merged.main;
    if merged.hotfixes.is_empty() {
        return writeln!(screen.out, "No hotfix branch is there.");
    }
    for one in &merged.hotfixes {
        let branch = one.hotfix.branch();
        if one.is_in_main {
            writeln!(
                screen.out,
                "{branch}: {main} has all of it; remove the branch"
            )?;
            continue;
        }
        if let Some(why) = &one.problem {
            writeln!(screen.out, "{branch}: {}: {why}", screen.red("not known"))?;
            continue;
        }
        if let Some(why) = &one.left_out {
            writeln!(
                screen.out,
                "{branch}: {}: {why}",
                screen.red("a merge leaves out")
            )?;
        } else if one.conflicts.is_empty() {
            writeln!(
                screen.out,
                "{branch}: merges into {main} without a conflict"
            )?;
        } else {
            let paths = one.conflicts.join(", ");
            writeln!(
                screen.out,
                "{branch}: {} in {paths}",
                screen.red("conflicts")
            )?;
        }
        if let Some(url) = &one.pull_request {
            writeln!(screen.out, "  {url}")?;
        }
    }
    Ok(())
}

/// Whether a merge brings what a branch holds.
pub(crate) fn reland_checked(screen: &mut Screen<'_>, checked: &RelandChecked) -> io::Result<()> {
    writeln!(
        screen.out,
        "{} into {}: {}",
        checked.branch, checked.main, checked.sentence
    )?;
    for commit in &checked.new {
        writeln!(screen.out, "  new: {commit}")?;
    }
    for commit in &checked.beneath {
        let main = &checked.main;
        writeln!(
            screen.out,
            "  warning: reverted on {main}, and beneath the branch: {commit}"
        )?;
    }
    if !checked.beneath.is_empty() {
        writeln!(
            screen.out,
            "  where that is the branch's own, a merge does not bring it back: `--base REV` says where the branch began"
        )?;
    }
    Ok(())
}

/// A branch that lands again.
pub(crate) fn relanded(screen: &mut Screen<'_>, done: &Relanded) -> io::Result<()> {
    writeln!(screen.out, "On top of {}:", done.main)?;
    for commit in &done.commits {
        writeln!(screen.out, "  {commit}")?;
    }
    for commit in &done.left_out {
        writeln!(screen.out, "  left out, as it changes nothing: {commit}")?;
    }
    match (&done.pushed_to, &done.commit) {
        (Some(branch), Some(commit)) => {
            writeln!(screen.out, "Pushed {} to `{branch}`.", short_commit(commit))
        }
        _ => writeln!(screen.out, "`--push-to BRANCH` makes them."),
    }
}
