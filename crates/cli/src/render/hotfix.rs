//! Hotfixes and deploys, for people.

use std::io;

use ripcord_domain::message::short_commit;
use ripcord_hotfix::Received;
use ripcord_hotfix::receive::Landing;

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
