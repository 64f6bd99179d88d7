//! `undo`.

use ripcord_domain::Problem;
use ripcord_recovery::undo::{self, UndoRequest};

use super::planning;
use crate::args::{Global, PushArgs, WordArgs};
use crate::moment;
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

pub(super) fn run(
    global: &Global,
    rollback: Option<&str>,
    words: &WordArgs,
    push: &PushArgs,
    accept_risk: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let opened = wiring::open(global, Wanted::DefaultBranch)?;
    let mut request = UndoRequest {
        rollback: rollback.map(str::to_owned),
        accept_risk,
        words: planning::words(words),
    };
    if push.dry_run {
        let place = opened.newest()?;
        let plan = undo::plan(&opened.repo, &place, &request)?;
        output.value(&plan, |screen| human::plan(screen, &plan));
        return Ok(());
    }
    planning::ask_reason(&mut request.words, push, output)?;
    planning::carry_out(&opened, push, output, |shipping, approve, watch| {
        undo::undo(&opened, &request, shipping, &moment::now, approve, watch)
    })
}
