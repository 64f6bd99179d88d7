//! The two rules that are in use elsewhere, and that must be beaten. Neither can say "no deploy" for a reason.

use jiff::SignedDuration;
use ripcord_domain::incident::deploy::Deployed;

use crate::exclude::same_environment;
use crate::onset::Onset;
use crate::verdict::DeployName;

/// The deploy of the service that alerts that began last before the alert, however long ago.
pub fn latest(onset: &Onset, changes: &[Deployed]) -> Option<DeployName> {
    let own = |deploy: &&Deployed| deploy.concern.service == onset.concern.service;
    last(onset, changes.iter().filter(own))
}

/// The deploy of any service in the environment that began last within the 30 minutes before the alert.
pub fn nearest_within_30_min(onset: &Onset, changes: &[Deployed]) -> Option<DeployName> {
    let near = |deploy: &&Deployed| {
        let began = deploy.began();
        began
            .is_some_and(|began| onset.began.duration_since(began) <= SignedDuration::from_mins(30))
    };
    last(onset, changes.iter().filter(near))
}

fn last<'a>(onset: &Onset, changes: impl Iterator<Item = &'a Deployed>) -> Option<DeployName> {
    let here = changes
        .filter(|deploy| same_environment(&onset.concern.environment, &deploy.concern.environment));
    let before = here.filter_map(|deploy| {
        let began = deploy.began().filter(|began| *began <= onset.began)?;
        Some((began, DeployName::from(deploy)))
    });
    before.max().map(|(_, name)| name)
}
