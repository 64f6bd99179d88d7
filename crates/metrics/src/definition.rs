//! What each figure means, in the words that stand beside it.

use crate::figure::Measure;
use crate::request::Rules;
use crate::statistics::FEWEST;

/// The definition of a figure under the rules that were asked for.
pub(crate) fn of(measure: Measure, rules: Rules) -> String {
    let caught = if rules.caught_is_failed {
        "One that was stopped before it was everywhere failed."
    } else {
        "One that was stopped before it was everywhere, without an incident, is on a line of its own."
    };
    let what = if rules.commit_is_deployment {
        "Deployments that began in the period; where no source told of a rollout, a commit on the branch that is deployed \
         is one."
    } else {
        "Deployments whose rollout began in the period, by what clusters and pipelines told."
    };
    let spans = format!(
        "The median of an even number is halfway between the two in the middle; p90 is the least that nine of ten do not \
         exceed; the interval of the median holds in 95 % of the cases (bootstrap), from {FEWEST} on."
    );
    let hours = f64::from(rules.settles_after_seconds) / 3600.0;
    match measure {
        Measure::DeploymentFrequency => format!(
            "{what} The same commit synced again with nothing between is the same deployment. Rollbacks and hotfixes are \
             deployments, too. {caught}"
        ),
        Measure::ChangeLeadTime => format!(
            "From the commit on the branch that is deployed to the new version healthy everywhere; what was before that \
             commit is not recorded. Rollbacks and commits that had been deployed before are left out. {spans}"
        ),
        Measure::ChangeFailRate => format!(
            "Failed deployments of decided ones, each once however many incidents it caused. Failed: a person charged it \
             with an incident, a recovery undid it, or a rollback went back from it. Not failed: nothing of this \
             {hours} h after it was everywhere. Rollbacks and hotfixes never fail by themselves. Undecided ones are left \
             out. {caught} The interval holds in 95 % of the cases (Wilson)."
        ),
        Measure::CaughtByTheGate => {
            "Deployments that were stopped before they were everywhere and that no incident is charged to, of all that began.".to_owned()
        }
        Measure::FailedDeploymentRecoveryTime => format!(
            "Of failed deployments: from the first alert of the incidents they are charged with to the service restored, \
             which is the end of the last alert, not the closing of a ticket. Those that go on are shown and in no \
             median. {spans}"
        ),
        Measure::RecoveryTimeFromStart => {
            "The same, from the start of the rollout instead of the first alert.".to_owned()
        }
        Measure::DeploymentReworkRate => {
            "Rollbacks and hotfixes of all deployments. A redeploy of the version that runs is neither. The interval holds \
             in 95 % of the cases (Wilson)."
                .to_owned()
        }
    }
}
