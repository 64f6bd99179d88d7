//! `reland`.

use ripcord_domain::Problem;
use ripcord_hotfix::reland;
use ripcord_lineage::Way;
use ripcord_recovery::problems::from_repo;

use super::hotfix;
use crate::args::{RelandArgs, RelandCommand, WayArg};
use crate::moment;
use crate::render::{Output, hotfix as screen};

pub(super) fn run(command: &RelandCommand, output: &mut Output) -> Result<(), Problem> {
    match command {
        RelandCommand::Check(what) => check(what, output),
        RelandCommand::Prepare { what, way, push_to } => {
            let way = match way {
                WayArg::RevertOfRevert => Way::RevertOfRevert,
                WayArg::FixOnTop => Way::FixOnTop,
            };
            prepare(what, way, push_to.as_deref(), output)
        }
    }
}

fn check(what: &RelandArgs, output: &mut Output) -> Result<(), Problem> {
    let source = hotfix::source(&what.source)?;
    let tip = reland::named(&source, &what.branch)?;
    let base = what.base.as_deref().map(|base| source.repo.resolve(base));
    let base = base.transpose().map_err(from_repo)?;
    let checked = reland::check(&source, &what.branch, tip, base)?;
    output.answer(&checked, |page| screen::reland_checked(page, &checked));
    checked.settle()
}

fn prepare(
    what: &RelandArgs,
    way: Way,
    push_to: Option<&str>,
    output: &mut Output,
) -> Result<(), Problem> {
    let source = hotfix::source(&what.source)?;
    let tip = reland::named(&source, &what.branch)?;
    let base = what.base.as_deref().map(|base| source.repo.resolve(base));
    let base = base.transpose().map_err(from_repo)?;
    let now = moment::now().as_second();
    let done = reland::prepare(&source, &what.branch, (tip, base), way, push_to, now)?;
    output.value(&done, |page| screen::relanded(page, &done));
    Ok(())
}
