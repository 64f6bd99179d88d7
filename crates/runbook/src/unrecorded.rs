//! What is said when the record can no longer be written in the middle of a recovery.

use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Recovery, StepState};

/// The code of trouble with the record: nothing is gone on with that could not be written down.
pub(crate) const NO_RECORD: &str = "no_ledger";

/// Trouble with the record means that nothing was changed only before a recovery has begun: afterwards
/// what was done is said here, for the record may not have it.
pub(crate) fn told(recovery: &Recovery, problem: Problem) -> Problem {
    if problem.code != NO_RECORD {
        return problem;
    }
    let done: Vec<String> = recovery
        .steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .map(|step| format!("{}: {}", step.kind.word(), step.what))
        .collect();
    let done = if done.is_empty() {
        "nothing".to_owned()
    } else {
        done.join("; ")
    };
    let id = &recovery.id;
    let mut told = Problem::new(
        Kind::Unfinished,
        &problem.code,
        format!("{}; done before: {done}", problem.message),
    )
    .hint(format!(
        "free some space; `ripcord resume {id}` then finishes it"
    ));
    for hold in recovery.standing_holds() {
        told = told.hint(hold.let_go_by(id));
    }
    told
}
