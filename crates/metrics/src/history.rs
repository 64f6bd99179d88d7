//! All that is known of one application: its deployments, judged, and its incidents.

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;

use crate::cause::Cause;
use crate::figure::About;
use crate::judge::{Case, Judged};
use crate::period::Period;
use crate::reason::Reason;
use crate::request::Request;
use crate::rollout;

/// All that is known of an application, of whatever time.
pub(crate) struct History<'a> {
    concern: &'a Concern,
    deployments: Vec<Judged<'a>>,
    /// Commits of which no source told that they ran, and when they were in Git.
    pub(crate) only_in_git: Vec<(&'a Deployed, Timestamp)>,
    without_instant: Vec<&'a Deployed>,
    causes: &'a [(&'a Incident, Cause<'a>)],
}

impl<'a> History<'a> {
    pub(crate) fn of(
        concern: &'a Concern,
        deploys: &'a [Deployed],
        causes: &'a [(&'a Incident, Cause<'a>)],
        request: &Request,
    ) -> Self {
        let sorted = rollout::sort(deploys, request.rules);
        let case = Case {
            concern,
            rollouts: sorted.rollouts,
            causes,
            request,
        };
        Self {
            concern,
            deployments: case.judge(),
            only_in_git: sorted.only_in_git,
            without_instant: sorted.undated,
            causes,
        }
    }

    /// The deployments that began in a period, oldest first.
    pub(crate) fn in_period(&self, period: Period) -> impl Iterator<Item = &Judged<'a>> {
        let all = self.deployments.iter();
        all.filter(move |judged| period.holds(judged.rollout.began))
    }

    /// The application's incidents that began in a period and are charged to none of its deploys, and why.
    pub(crate) fn uncharged(&self, period: Period) -> impl Iterator<Item = (&'a Incident, Reason)> {
        self.own_causes().filter_map(move |(incident, cause)| {
            let began = incident.began()?;
            let reason = match cause {
                Cause::Deploys(named) => Reason::CausedElsewhere {
                    concern: named.first()?.concern.clone(),
                },
                Cause::OneOf(_) => Reason::CauseUnclear,
                Cause::NoDeploy => Reason::NoDeploy,
                Cause::NotAmong(deploy) => Reason::CauseNotAmong {
                    deploy: (*deploy).to_owned(),
                },
                Cause::Unknown => Reason::CauseUnknown,
            };
            let own = cause.named().iter();
            let is_own = own.clone().any(|named| named.concern == *self.concern);
            (period.holds(began) && !is_own).then_some((*incident, reason))
        })
    }

    fn own_causes(&self) -> impl Iterator<Item = &'a (&'a Incident, Cause<'a>)> {
        let all = self.causes.iter();
        all.filter(|(incident, _)| incident.concerns.contains(self.concern))
    }

    /// What no period holds.
    pub(crate) fn undated(&self) -> Vec<About> {
        let deploys = self.without_instant.iter();
        let deploys = deploys.map(|deploy| About::Deploy(deploy.id.clone()));
        let undated = |(one, cause): &&(&Incident, Cause<'_>)| {
            one.began().is_none() && cause.named().is_empty()
        };
        let incidents = self.own_causes().filter(undated);
        let incidents = incidents.map(|(one, _)| About::Incident(one.id.clone()));
        deploys.chain(incidents).collect()
    }
}
