//! `ripcord drift` for people.

use std::io;

use ripcord_runbook::drift::{Drift, Drifted};

use super::Screen;

/// Every field that differs, and what could not be looked at.
pub(crate) fn drift(screen: &mut Screen<'_>, drift: &Drift) -> io::Result<()> {
    if drift.fields.is_empty() {
        let names: Vec<String> = drift.applications.iter().map(ToString::to_string).collect();
        let all = if drift.unread.is_empty() {
            "all"
        } else {
            "what may be read"
        };
        writeln!(
            screen.out,
            "{}: {all} is as it was applied",
            names.join(", ")
        )?;
    }
    for one in &drift.fields {
        drifted(screen, one)?;
    }
    for key in &drift.unread {
        writeln!(
            screen.out,
            "{key} was not looked at: these credentials may not read it"
        )?;
    }
    Ok(())
}

fn drifted(screen: &mut Screen<'_>, one: &Drifted) -> io::Result<()> {
    let heading = screen.bold(&one.object.to_string());
    let difference = &one.difference;
    writeln!(screen.out, "{heading} {}", difference.field)?;
    if difference.is_secret {
        writeln!(
            screen.out,
            "  differs from what was applied; values of Secrets are not shown"
        )?;
    } else {
        let applied = difference.applied.as_deref().unwrap_or("(not known)");
        let now = difference.now.as_deref().unwrap_or("(gone)");
        writeln!(screen.out, "  applied {applied}\n  now     {now}")?;
    }
    if let Some(by) = &difference.by {
        let at = difference
            .at
            .map_or_else(String::new, |at| format!(" at {at}"));
        writeln!(screen.out, "  by {by}{at}")?;
    }
    writeln!(screen.out, "  undone by {}", one.undone_by)?;
    match &one.lasts_by {
        Some(command) => writeln!(screen.out, "  to make it last: {command}"),
        None => writeln!(
            screen.out,
            "  to make it last: edit it in Git ({})",
            one.declared_in
        ),
    }
}
