//! Results for people.

use std::io;

use jiff::Timestamp;
use ripcord_domain::live::route::Hold;
use ripcord_domain::message::{short_commit, short_digests};
use ripcord_domain::plan::{Outcome, Plan, Scope, ServicePlan, Severity};
use ripcord_domain::recovery::Recovery;
use ripcord_domain::timeline::Ended;
use ripcord_recovery::guard::Verdict;
use ripcord_recovery::init::Inferred;
use ripcord_recovery::lift::Quarantined;
use ripcord_recovery::status::{History, Status};

use super::recovery::passes_over;
use super::{Screen, table};

/// `ripcord status`.
pub(crate) fn status(screen: &mut Screen<'_>, status: &Status, now: Timestamp) -> io::Result<()> {
    let wide = screen.wide;
    let rows: Vec<Vec<String>> = status
        .services
        .iter()
        .map(|row| {
            let ago = row.since.map_or("-".to_owned(), |at| {
                format!("{} ago", duration(now.as_second() - at.as_second()))
            });
            let mut cells = vec![
                row.service.to_string(),
                row.environment.to_string(),
                short_version(&row.version, wide),
                ago,
                or_dash(row.author.as_deref()),
                row.commit.as_deref().map_or("-".to_owned(), short),
                row.flags.join(",").replace('_', " "),
            ];
            if wide {
                cells.insert(4, row.since.map_or("-".to_owned(), |at| at.to_string()));
                cells.push(or_dash(row.pull_request.as_deref()));
                cells.push(row.paths.join(" "));
            }
            cells
        })
        .collect();
    let mut headings = vec![
        "SERVICE",
        "ENVIRONMENT",
        "VERSION",
        "SINCE",
        "BY",
        "COMMIT",
        "FLAGS",
    ];
    if wide {
        headings.insert(4, "AT");
        headings.extend(["PR", "FILES"]);
    }
    table::print(screen.out, &headings, &rows)?;
    skipped(
        screen,
        "could not be read",
        status
            .unreadable
            .iter()
            .map(|s| (s.path.as_str(), s.why.as_str())),
    )?;
    skipped(
        screen,
        "belong to no service",
        status
            .unowned
            .iter()
            .map(|s| (s.path.as_str(), s.why.as_str())),
    )
}

/// What recoveries of this machine hold.
pub(crate) fn held(
    screen: &mut Screen<'_>,
    unfinished: &[Recovery],
    now: Timestamp,
) -> io::Result<()> {
    for hold in unfinished.iter().flat_map(Recovery::standing_holds) {
        let until = if hold.until < now && hold.kind == Hold::Window {
            format!(
                "was held until {}, and that is not tidied up; `ripcord release` does it",
                hold.until
            )
        } else {
            format!(
                "is held until {} by {}; `ripcord resume` finishes it, `ripcord release` lets go",
                hold.until, hold.owner
            )
        };
        let held = screen.bold("held");
        writeln!(screen.out, "{held}: {} {until}", hold.application)?;
    }
    for passing in unfinished.iter().flat_map(Recovery::held_bots) {
        let held = screen.bold("held");
        let over = if passing.until < now {
            ", which is over"
        } else {
            ""
        };
        let told = passes_over(passing);
        writeln!(
            screen.out,
            "{held}: {told}{over}; `ripcord release` lets it bump again"
        )?;
    }
    Ok(())
}

fn skipped<'a>(
    screen: &mut Screen<'_>,
    what: &str,
    list: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> io::Result<()> {
    let count = list.len();
    if count == 0 {
        return Ok(());
    }
    writeln!(screen.out, "\n{count} file(s) {what}:")?;
    let shown = if screen.wide { count } else { 5 };
    for (path, why) in list.take(shown) {
        writeln!(screen.out, "  {path}: {why}")?;
    }
    if count > shown {
        writeln!(screen.out, "  … and {} more (`-o wide`)", count - shown)?;
    }
    Ok(())
}

/// `ripcord history`.
pub(crate) fn history(screen: &mut Screen<'_>, history: &History) -> io::Result<()> {
    let wide = screen.wide;
    writeln!(
        screen.out,
        "{} in {}, newest first",
        history.service, history.environment
    )?;
    let rows: Vec<Vec<String>> = history
        .deploys
        .iter()
        .map(|entry| {
            let from = entry
                .from
                .as_deref()
                .map_or("(new)".to_owned(), |v| short_version(v, wide));
            let to = if entry.to.is_empty() {
                "(removed)".to_owned()
            } else {
                short_version(&entry.to, wide)
            };
            let kind = if entry.rollback { "rollback" } else { "deploy" };
            let mut cells = vec![
                entry.at.strftime("%Y-%m-%d %H:%M").to_string(),
                kind.to_owned(),
                format!("{from} -> {to}"),
                duration(entry.served_seconds),
                ended(entry.ended).to_owned(),
                entry.author.clone(),
                or_dash(entry.pull_request.as_deref()),
                short(&entry.commit),
            ];
            if wide {
                cells.push(entry.subject.clone());
            }
            cells
        })
        .collect();
    let mut headings = vec![
        "AT (UTC)", "WHAT", "VERSION", "SERVED", "ENDED", "BY", "PR", "COMMIT",
    ];
    if wide {
        headings.push("SUBJECT");
    }
    table::print(screen.out, &headings, &rows)?;
    if !history.complete {
        writeln!(screen.out, "(older deploys: `--limit 0`)")?;
    }
    Ok(())
}

fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Running => "running",
        Ended::Replaced => "replaced",
        Ended::RolledBack => "rolled back",
        Ended::Removed => "removed",
    }
}

/// A plan, before it is carried out.
pub(crate) fn plan(screen: &mut Screen<'_>, plan: &Plan) -> io::Result<()> {
    writeln!(
        screen.out,
        "{} of {} at {}",
        plan.action,
        plan.branch,
        short(&plan.base)
    )?;
    for part in &plan.services {
        service(screen, part)?;
    }
    warnings(screen, plan)?;
    for change in &plan.changes {
        writeln!(screen.out)?;
        if change.diff.is_empty() {
            writeln!(screen.out, "{} (not text)", change.path)?;
        }
        for line in change.diff.lines() {
            let painted = match line.chars().next() {
                Some('+') => screen.green(line),
                Some('-') => screen.red(line),
                _ => line.to_owned(),
            };
            writeln!(screen.out, "{painted}")?;
        }
    }
    if let Some(commit) = &plan.commit {
        writeln!(screen.out, "\ncommit message:")?;
        for line in commit.message.lines() {
            writeln!(screen.out, "    {line}")?;
        }
    }
    if plan.outcome == Outcome::NothingToDo {
        writeln!(screen.out, "\nnothing to do")?;
    }
    Ok(())
}

fn service(screen: &mut Screen<'_>, part: &ServicePlan) -> io::Result<()> {
    let current = &part.current;
    let since = current.since.map_or(String::new(), |at| {
        let by = current.author.as_deref().unwrap_or("somebody");
        format!(
            " (since {} by {by}, {})",
            at,
            current.commit.as_deref().map_or("-".to_owned(), short)
        )
    });
    let heading = screen.bold(&format!("{} in {}", part.service, part.environment));
    writeln!(
        screen.out,
        "\n{heading}\n  runs     {}{since}",
        current.version
    )?;
    match (&part.target, &part.nothing_to_do) {
        (Some(target), _) => {
            let scope = match part.scope {
                Scope::Version => "only the version fields",
                Scope::Deploy => "what the deploys changed",
                Scope::Exact => "the files exactly",
            };
            writeln!(
                screen.out,
                "  goes to  {} ({}; {scope})",
                target.version,
                short(&target.commit)
            )?;
        }
        (None, Some(why)) => writeln!(screen.out, "  stays: {why}")?,
        (None, None) => {}
    }
    if part.candidates.is_empty() {
        return Ok(());
    }
    writeln!(screen.out, "  candidates:")?;
    for candidate in part.candidates.iter().take(5) {
        let served = candidate
            .served_seconds
            .map_or("served unknown".to_owned(), |s| {
                format!("served {}", duration(s))
            });
        let at = candidate
            .deployed_at
            .map_or("earlier".to_owned(), |at| at.to_string());
        let bad = if candidate.rolled_back {
            ", rolled back from"
        } else {
            ""
        };
        writeln!(
            screen.out,
            "    {}  {served}, deployed {at}, {}{bad}",
            candidate.version,
            short(&candidate.commit)
        )?;
    }
    if !part.history_complete {
        writeln!(screen.out, "    (not all history was read)")?;
    }
    Ok(())
}

fn warnings(screen: &mut Screen<'_>, plan: &Plan) -> io::Result<()> {
    if !plan.warnings.is_empty() {
        writeln!(screen.out)?;
    }
    for warning in &plan.warnings {
        let word = match warning.severity {
            Severity::Info => "note".to_owned(),
            Severity::Warning => screen.bold("warning"),
            Severity::Irreversible => screen.red("irreversible"),
        };
        writeln!(screen.out, "{word}: {} [{}]", warning.message, warning.code)?;
    }
    Ok(())
}

/// What a planning verb came to. On a branch that is not the default one the way back names it.
pub(crate) fn done(
    screen: &mut Screen<'_>,
    plan: &Plan,
    shown: bool,
    is_default: bool,
) -> io::Result<()> {
    if !shown {
        warnings(screen, plan)?;
    }
    for part in &plan.services {
        let what = match (&part.target, &part.nothing_to_do) {
            (Some(target), _) => format!(
                "{} -> {}",
                part.current.version,
                screen.bold(&target.version)
            ),
            (None, Some(why)) => format!("stays on {}: {why}", part.current.version),
            (None, None) => format!("stays on {}", part.current.version),
        };
        writeln!(
            screen.out,
            "{} in {}: {what}",
            part.service, part.environment
        )?;
    }
    let Some(pushed) = &plan.pushed else {
        return writeln!(screen.out, "nothing to do; nothing was pushed");
    };
    for change in &plan.changes {
        writeln!(screen.out, "  {}", change.path)?;
    }
    let attempts = if pushed.attempts > 1 {
        format!(" ({} attempts)", pushed.attempts)
    } else {
        String::new()
    };
    writeln!(
        screen.out,
        "{} {} to {}{attempts}",
        screen.green("pushed"),
        short(&pushed.commit),
        pushed.branch
    )?;
    if pushed.branch == plan.branch && plan.action != "lift" {
        writeln!(
            screen.out,
            "Git says so now; that clusters run it was not observed"
        )?;
    } else if pushed.branch != plan.branch {
        writeln!(
            screen.out,
            "nothing changes until it is merged into {}",
            plan.branch
        )?;
    }
    if plan.action == "rollback" && pushed.branch == plan.branch {
        writeln!(
            screen.out,
            "to take it back: ripcord undo {}{}",
            short(&pushed.commit),
            if is_default {
                String::new()
            } else {
                format!(" --branch {}", plan.branch)
            }
        )?;
    }
    Ok(())
}

/// What `guard` found: one line for each, or that there is nothing.
pub(crate) fn verdict(screen: &mut Screen<'_>, verdict: &Verdict) -> io::Result<()> {
    for finding in &verdict.findings {
        let line = finding
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        writeln!(
            screen.out,
            "{}{line}: {}",
            finding.path.replace('\n', "\\n"),
            finding.sentence().replace('\n', " ")
        )?;
    }
    for drop in &verdict.drops {
        let note = if drop.is_refused { "" } else { "note: " };
        writeln!(
            screen.out,
            "{}: {note}{}",
            drop.path.replace('\n', "\\n"),
            drop.message.replace('\n', " ")
        )?;
    }
    if verdict.is_clean() {
        let in_force: usize = verdict.compared.iter().map(|one| one.in_force).sum();
        let what = match in_force {
            0 => "nothing is quarantined".to_owned(),
            1 => "1 quarantined version is not deployed".to_owned(),
            many => format!("none of {many} quarantined versions is deployed"),
        };
        writeln!(screen.out, "{what}")?;
    }
    Ok(())
}

/// `ripcord quarantine list`.
pub(crate) fn quarantined(screen: &mut Screen<'_>, list: &Quarantined) -> io::Result<()> {
    if list.versions.is_empty() {
        return writeln!(screen.out, "nothing is quarantined");
    }
    let wide = screen.wide;
    let rows: Vec<Vec<String>> = list
        .versions
        .iter()
        .map(|one| {
            let entry = &one.entry;
            let until = if one.over {
                format!("{} (over)", entry.until)
            } else {
                entry.until.to_string()
            };
            let mut cells = vec![
                one.service.to_string(),
                entry.environment.to_string(),
                short_version(&entry.version, wide),
                until,
                or_dash(entry.by.as_deref()),
                or_dash(entry.incident.as_deref()),
                or_dash(entry.reason.as_deref()).replace('\n', " "),
            ];
            if wide {
                cells.extend([
                    entry.since.to_string(),
                    entry.subject.clone(),
                    one.path.clone(),
                ]);
            }
            cells
        })
        .collect();
    let mut headings = vec![
        "SERVICE",
        "ENVIRONMENT",
        "VERSION",
        "UNTIL",
        "BY",
        "INCIDENT",
        "REASON",
    ];
    if wide {
        headings.extend(["SINCE", "OF", "FILE"]);
    }
    table::print(screen.out, &headings, &rows)
}

/// What `init` found.
pub(crate) fn inferred(screen: &mut Screen<'_>, inferred: &Inferred) -> io::Result<()> {
    writeln!(screen.out, "{} services", inferred.services)?;
    for (environment, count) in &inferred.environments {
        writeln!(screen.out, "  {environment}: {count} service(s)")?;
    }
    writeln!(screen.out, "versions are declared in:")?;
    for (shape, count) in inferred.shapes.iter().take(12) {
        writeln!(screen.out, "  {count:>6}  {shape}")?;
    }
    if inferred.shapes.len() > 12 {
        writeln!(
            screen.out,
            "  … and {} more shapes",
            inferred.shapes.len() - 12
        )?;
    }
    let pairs = |list: &[String]| {
        list.iter()
            .map(|line| (line.clone(), String::new()))
            .collect::<Vec<_>>()
    };
    for (what, list) in [
        ("could not be read", &inferred.unreadable),
        ("belong to no service", &inferred.unowned),
    ] {
        let pairs = pairs(list);
        if !pairs.is_empty() {
            writeln!(screen.out, "{} file(s) {what}:", pairs.len())?;
            for (line, _) in pairs.iter().take(10) {
                writeln!(screen.out, "  {line}")?;
            }
        }
    }
    Ok(())
}

/// The first ten digits of a commit.
pub(crate) fn short(commit: &str) -> String {
    short_commit(commit).to_owned()
}

/// Digests are long: their first digits tell them apart.
fn short_version(version: &str, wide: bool) -> String {
    if wide {
        version.to_owned()
    } else {
        short_digests(version)
    }
}

fn or_dash(text: Option<&str>) -> String {
    text.map_or("-".to_owned(), str::to_owned)
}

/// Seconds as a person says them: the two largest units.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, m) => format!("{m}m"),
        (0, h, m) => format!("{h}h {m}m"),
        (d, h, _) => format!("{d}d {h}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        assert_eq!(duration(-5), "0s");
        assert_eq!(duration(59), "59s");
        assert_eq!(duration(1700), "28m");
        assert_eq!(duration(3 * 86_400 + 3600 * 5), "3d 5h");
    }
}
