//! `pipeline init`.

mod asked;
mod work_tree;

use ripcord_domain::config::Forge;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::{Kind, Problem};
use ripcord_pipeline::{Outcome, Write, check, folders, regenerate, secrets};

use self::work_tree::WorkTree;
use crate::args::{Global, PipelineArgs, PipelineCommand};
use crate::render::Output;
use crate::render::pipeline::{self as screen, Checked, Initialised};

pub(super) fn run(
    global: &Global,
    command: &PipelineCommand,
    output: &mut Output,
) -> Result<(), Problem> {
    let PipelineCommand::Init(args) = command;
    let forge = Forge::from(args.forge);
    let tree = WorkTree::around(&args.source)?;
    let there = tree.texts(folders(forge))?;
    let settings = asked::settings(global, args, &there, tree.main())?;
    if args.check {
        let report = check(&settings, &there)?;
        let failures = report.failures().count();
        let checked = Checked {
            schema: SCHEMA,
            findings: report.findings,
        };
        output.answer(&checked, |page| screen::checked(page, &checked));
        return settled(&checked, failures);
    }
    let changes = regenerate(&settings, &there)?;
    if !args.dry_run {
        let writes: Vec<&Write> = changes.iter().flat_map(|change| &change.writes).collect();
        tree.write(&writes)?;
    }
    let initialised = Initialised {
        schema: SCHEMA,
        dry_run: args.dry_run,
        secrets: secrets(&settings)?,
        settings,
        changes,
    };
    output.answer(&initialised, |page| screen::initialised(page, &initialised));
    conflicts(&initialised, args)
}

fn settled(checked: &Checked, failures: usize) -> Result<(), Problem> {
    let mut wrong = checked.failures();
    let Some(first) = wrong.next() else {
        return Ok(());
    };
    Err(Problem::new(
        Kind::Refused,
        "pipeline_drift",
        format!("{failures} finding(s) in the CI files, such as {first}"),
    )
    .hint(&*first.hint))
}

fn conflicts(initialised: &Initialised, args: &PipelineArgs) -> Result<(), Problem> {
    let mut conflicts = initialised
        .changes
        .iter()
        .filter(|change| change.outcome == Outcome::Conflict);
    let Some(first) = conflicts.next() else {
        return Ok(());
    };
    let beside = if args.dry_run {
        "would stand"
    } else {
        "stands"
    };
    let problem = Problem::new(
        Kind::Conflict,
        "pipeline_conflict",
        format!(
            "{} file(s) were changed where ripcord changes them too, such as {}: left alone, the new text {beside} beside it",
            1 + conflicts.count(),
            first.path
        ),
    );
    Err(match &first.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    })
}
