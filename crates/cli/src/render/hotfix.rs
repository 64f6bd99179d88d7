//! Hotfixes and deploys, for people.

use std::io;

use ripcord_domain::message::short_commit;
use ripcord_hotfix::Received;
use ripcord_hotfix::production::By;
use ripcord_hotfix::receive::Landing;
use ripcord_hotfix::start::Started;

use super::Screen;

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
            format!("deployed {image} as {service} to {environment}: {commit} on {branch}; pushed, not yet synced")
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
        writeln!(screen.out, "  hotfix {name}: `ripcord hotfix status` shows what it owes")?;
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
