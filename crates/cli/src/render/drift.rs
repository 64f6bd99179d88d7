//! `ripcord drift` for people.

use std::io;

use jiff::Timestamp;
use ripcord_runbook::drift::{Drift, Drifted, Untold};

use super::Screen;

/// How many fields of somebody are a hint where to look, and not a list.
const A_HINT: usize = 8;

/// Every field that differs, and what could not be told or looked at.
pub(crate) fn drift(screen: &mut Screen<'_>, drift: &Drift) -> io::Result<()> {
    if let Some(why) = &drift.git_is_away {
        writeln!(
            screen.out,
            "Git does not answer ({why}): where things are declared is as of what is known here"
        )?;
    }
    if drift.fields.is_empty() && drift.untold.is_empty() {
        let names: Vec<String> = drift.applications.iter().map(ToString::to_string).collect();
        let all = if drift.unread.is_empty() {
            "all"
        } else {
            "what was read"
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
    for one in &drift.untold {
        untold(screen, one)?;
    }
    for one in &drift.unread {
        writeln!(screen.out, "{} was not looked at: {}", one.object, one.why)?;
    }
    Ok(())
}

fn drifted(screen: &mut Screen<'_>, one: &Drifted) -> io::Result<()> {
    let heading = screen.bold(&one.object.to_string());
    let difference = &one.difference;
    writeln!(screen.out, "{heading} {}", difference.field)?;
    if difference.is_secret {
        let what = if difference.is_taken_over {
            "is not Argo CD's any more"
        } else {
            "differs from what was applied"
        };
        writeln!(screen.out, "  {what}; values of Secrets are not shown")?;
    } else {
        let applied = difference.applied.as_deref().unwrap_or("(not known)");
        let now = difference.now.as_deref().unwrap_or("(gone)");
        writeln!(screen.out, "  applied {applied}\n  now     {now}")?;
    }
    if let Some(by) = &difference.by {
        writeln!(screen.out, "  by {by}{}", moment(difference.at))?;
    }
    writeln!(screen.out, "  undone by {}", one.undone_by)?;
    match &one.lasts_by {
        Some(command) => writeln!(screen.out, "  to make it last: {command}"),
        None => edit(screen, &one.declared_in),
    }
}

fn untold(screen: &mut Screen<'_>, one: &Untold) -> io::Result<()> {
    let heading = screen.bold(&one.object.to_string());
    writeln!(screen.out, "{heading}")?;
    if one.is_out_of_sync {
        writeln!(
            screen.out,
            "  Argo CD says OutOfSync; the field cannot be told, for {}: `{}` shows it",
            one.why, one.shown_by
        )?;
    } else {
        writeln!(
            screen.out,
            "  {}; `{}` shows whether it is otherwise",
            one.why, one.shown_by
        )?;
    }
    if let Some(applier) = &one.applied_by
        && (1..=A_HINT).contains(&applier.owns.len())
    {
        let fields = applier.owns.join(", ");
        writeln!(screen.out, "  {} owns {fields}", applier.by)?;
    }
    writeln!(screen.out, "  undone by {}", one.undone_by)?;
    edit(screen, &one.declared_in)
}

fn edit(screen: &mut Screen<'_>, declared_in: &str) -> io::Result<()> {
    writeln!(
        screen.out,
        "  to make it last: edit it in Git ({declared_in})"
    )
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" at {at}"))
}
