//! Which deploys an incident is charged to.

use std::collections::BTreeMap;

use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;

/// What is known of the cause of an incident. That a deploy was the last before it is not knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// These: a person said so, or a recovery undid them. Several where one commit reached several services.
    Deploys(Vec<&'a Deployed>),
    /// One of these: a person named a commit that reached several services, none of which the incident is about.
    OneOf(Vec<&'a Deployed>),
    /// A person said that no deploy explains it.
    NoDeploy,
    /// A person named a deploy that is not among those that are known.
    NotAmong(&'a str),
    /// Nobody said, and no recovery undid anything.
    Unknown,
}

impl<'a> Cause<'a> {
    /// The cause of an incident, by what is recorded. `deploys`: all of them, by application, oldest first.
    pub(crate) fn of(
        incident: &'a Incident,
        deploys: &'a BTreeMap<Concern, Vec<Deployed>>,
    ) -> Self {
        let Some(charge) = incident.charged.value() else {
            let own = incident.concerns.iter().filter_map(|own| deploys.get(own));
            let undone: Vec<&Deployed> = own
                .filter_map(|own| incident.cause(own).flatten())
                .collect();
            return if undone.is_empty() {
                Self::Unknown
            } else {
                Self::Deploys(undone)
            };
        };
        let Some(named) = &charge.deploy else {
            return Self::NoDeploy;
        };
        let so_called = deploys.values().flatten().filter(|one| one.id == *named);
        let (own, others): (Vec<_>, Vec<_>) =
            so_called.partition(|one| incident.concerns.contains(&one.concern));
        match (own.len(), others.len()) {
            (0, 0) => Self::NotAmong(named),
            (0, 1) => Self::Deploys(others),
            (0, _) => Self::OneOf(others),
            _ => Self::Deploys(own),
        }
    }

    /// The deploys that it names, surely or not.
    pub(crate) fn named(&self) -> &[&'a Deployed] {
        match self {
            Self::Deploys(named) | Self::OneOf(named) => named,
            Self::NoDeploy | Self::NotAmong(_) | Self::Unknown => &[],
        }
    }
}
