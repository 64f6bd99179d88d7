//! Deploys as the infra repo has them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ripcord_domain::Problem;
use ripcord_domain::incident::event::{
    Concern, Confidence, Event, EventId, Fact, Source, SourceKind,
};
use ripcord_domain::incident::report::{Change, DeployReport, DeployStage};
use ripcord_recovery::status::{self, Entry, Filter, Row};
use ripcord_recovery::survey::{Branch, Place};

use crate::LOOKS_BACK;

/// Deploys of one service that are read at the most: more in a week are no deploys that anybody looks at.
const MOST: usize = 50;

/// The deploys of a branch, those that were not told yet.
pub struct Commits {
    branch: Branch,
    /// The last one that was told of each service.
    told: BTreeMap<Concern, String>,
}

impl Commits {
    /// Looks at a branch of an infra repo.
    pub fn of(branch: Branch) -> Self {
        Self {
            branch,
            told: BTreeMap::new(),
        }
    }

    /// Asks the remote, and tells the deploys of the last days that this was not told before, oldest first.
    ///
    /// # Errors
    /// The remote cannot be reached, the repository cannot be read.
    pub fn look(&mut self, now: Timestamp) -> Result<Vec<Event>, Problem> {
        let place = self.branch.newest()?;
        let repo = &self.branch.repo;
        let rows = status::status(repo, &place, &Filter::default())?.services;
        let since = now.saturating_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN);
        let mut events = Vec::new();
        for row in rows {
            let (Some(at), Some(commit)) = (row.since, row.commit.as_ref()) else {
                continue;
            };
            let concern = Concern {
                service: row.service.clone(),
                environment: row.environment.clone(),
            };
            if at < since || self.told.get(&concern) == Some(commit) {
                continue;
            }
            let (commit, known) = (commit.clone(), self.told.get(&concern));
            events.extend(self.deploys(&place, &row, &concern, known, since, now)?);
            self.told.insert(concern, commit);
        }
        events.sort_by(|a, b| (a.observed, &a.id).cmp(&(b.observed, &b.id)));
        Ok(events)
    }

    fn deploys(
        &self,
        place: &Place,
        row: &Row,
        concern: &Concern,
        known: Option<&String>,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Event>, Problem> {
        let (service, environment) = (concern.service.as_str(), concern.environment.as_str());
        let repo = &self.branch.repo;
        let history = status::history(repo, place, service, Some(environment), Some(MOST), now)?;
        // The newest comes first.
        let new = history
            .deploys
            .into_iter()
            .take_while(|entry| entry.at >= since && Some(&entry.commit) != known);
        Ok(new.map(|entry| event(entry, row, concern, now)).collect())
    }
}

fn event(entry: Entry, row: &Row, concern: &Concern, now: Timestamp) -> Event {
    let id = format!(
        "deploy/{}/{}/{}",
        entry.commit, concern.service, concern.environment
    );
    Event {
        id: EventId::new(id),
        // Who commits tells the time: a clock that is ahead must not put a deploy into the future.
        observed: entry.at.min(now),
        received: now,
        source: Source {
            kind: SourceKind::Git,
            name: "git".to_owned(),
        },
        confidence: Confidence::Reported,
        incident: None,
        concern: Some(concern.clone()),
        link: None,
        author: None,
        fact: Fact::Deploy(DeployReport {
            deploy: entry.commit.clone(),
            stage: Some(DeployStage::Committed),
            commit: Some(entry.commit),
            version: Some(entry.to).filter(|version| !version.is_empty()),
            replaced: entry.from,
            changes: vec![Change::Version],
            paths: row.paths.clone(),
            subject: Some(entry.subject),
            by: Some(entry.author),
            is_rollback: entry.rollback,
            ..DeployReport::default()
        }),
    }
}
