//! Deploys, put together from what several sources say of each.
//!
//! Git knows when a change was merged, Argo CD when it was applied, a Rollout when its first pod served. Their
//! reports are told by different names and in any order; what is put together depends on the set alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Concern, Event, EventId, Fact, Source};
use super::report::{AnalysisReport, Change, CheckReport, DeployReport, DeployStage};

/// A deploy of a service, as far as its sources tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployed {
    /// How it is named: its commit, or what its source calls it; with `#2` where the commit was deployed again.
    pub id: String,
    /// What was deployed where.
    pub concern: Concern,
    /// When each stage was reached first.
    pub stages: BTreeMap<DeployStage, Timestamp>,
    /// The commit of the infra repo.
    pub commit: Option<String>,
    /// The version that it brought.
    pub version: Option<String>,
    /// The version that ran before.
    pub replaced: Option<String>,
    /// What it changed, sorted.
    pub changes: Vec<Change>,
    /// The files that it changed, sorted.
    pub paths: Vec<String>,
    /// The first line of its message.
    pub subject: Option<String>,
    /// Who made it.
    pub by: Option<String>,
    /// It went back to an earlier version.
    pub is_rollback: bool,
    /// The hotfix that it shipped.
    pub hotfix: Option<String>,
    /// The Application of Argo CD.
    pub application: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The checks of its commit.
    pub checks: Vec<CheckReport>,
    /// What its canary measured; each run as it was told last.
    pub analyses: Vec<AnalysisReport>,
    /// The events that tell of it, oldest first.
    pub events: Vec<EventId>,
}

impl Deployed {
    /// When it was possible that it did harm: the rollout's start, else the earliest that is known of it.
    pub fn began(&self) -> Option<Timestamp> {
        let started = self.stages.get(&DeployStage::Started);
        let first = || {
            let others = self.stages.iter();
            let not_merged = others.filter(|(stage, _)| **stage != DeployStage::Committed);
            not_merged.map(|(_, at)| at).min()
        };
        let merged = self.stages.get(&DeployStage::Committed);
        started.or_else(first).or(merged).copied()
    }

    /// Whether its rollout's start was seen, or is concluded from something else.
    pub fn start_is_known(&self) -> bool {
        self.stages.contains_key(&DeployStage::Started)
    }

    /// When a stage was reached first.
    pub fn at(&self, stage: DeployStage) -> Option<Timestamp> {
        self.stages.get(&stage).copied()
    }

    /// Whether it was stopped before it was everywhere.
    pub fn was_stopped(&self) -> bool {
        self.stages.contains_key(&DeployStage::Aborted)
            && !self.stages.contains_key(&DeployStage::Healthy)
    }
}

/// The reports that one source makes of one deploy, in the order in which they were so.
type Told<'a> = BTreeMap<(Timestamp, &'a EventId), &'a DeployReport>;

/// By what reports of several sources are known to be of the same deploy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name<'a> {
    /// The commit of the infra repo.
    Commit(&'a str),
    /// No commit is known: what one source calls it.
    Called(&'a str),
}

/// The deploys that events tell of, by their beginning, oldest first.
///
/// What one source calls by one name is one deploy. A source that knows no commit, such as Argo Rollouts, tells of the
/// one that brought the same version at that time. Of what several sources tell of the same commit the first
/// of each is the same deploy, the second of each is the next: a commit that was synced again.
pub fn deploys<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Deployed> {
    let mut told: BTreeMap<(&Concern, &Source, &str), Told<'a>> = BTreeMap::new();
    let mut analyses = Vec::new();
    for event in events {
        let Some(concern) = &event.concern else {
            continue;
        };
        match &event.fact {
            Fact::Deploy(report) => {
                let group = told.entry((concern, &event.source, &report.deploy));
                let at = (event.observed, &event.id);
                group.or_default().insert(at, report);
            }
            Fact::Analysis(report) => analyses.push((event, concern, report)),
            _ => {}
        }
    }
    let brought = brought(&told);
    // Of each commit, per source, the times it was deployed.
    let mut named: BTreeMap<(&Concern, Name<'a>), BTreeMap<&Source, Vec<Told<'a>>>> =
        BTreeMap::new();
    for ((concern, source, called), group) in told {
        let name = commit_of(&group).or_else(|| brought.commit_near(concern, &group));
        let name = name.map_or(Name::Called(called), Name::Commit);
        let sources = named.entry((concern, name)).or_default();
        sources.entry(source).or_default().push(group);
    }
    let mut found = Vec::new();
    for ((concern, Name::Commit(name) | Name::Called(name)), sources) in named {
        let mut times: Vec<Told<'a>> = Vec::new();
        for mut groups in sources.into_values() {
            groups.sort_by(|a, b| a.keys().next().cmp(&b.keys().next()));
            for (time, group) in groups.into_iter().enumerate() {
                if times.len() <= time {
                    times.push(Told::new());
                }
                times[time].extend(group);
            }
        }
        for (time, reports) in times.into_iter().enumerate() {
            let id = if time == 0 {
                name.to_owned()
            } else {
                format!("{name}#{}", time + 1)
            };
            found.push(put_together(id, concern, &reports));
        }
    }
    for (event, concern, report) in analyses {
        give(&mut found, event, concern, report);
    }
    found.sort_by(|a, b| (a.began(), &a.concern, &a.id).cmp(&(b.began(), &b.concern, &b.id)));
    found
}

/// How far apart two sources tell the beginning of one deploy.
const APART: SignedDuration = SignedDuration::from_hours(1);

fn commit_of<'a>(group: &Told<'a>) -> Option<&'a str> {
    group.values().find_map(|report| report.commit.as_deref())
}

fn version_of<'a>(group: &Told<'a>) -> Option<&'a str> {
    group.values().find_map(|report| report.version.as_deref())
}

/// The commits that brought each version, by when a source told of it first.
struct Brought<'a>(BTreeMap<(&'a Concern, &'a str), BTreeSet<(Timestamp, &'a str)>>);

fn brought<'a>(told: &BTreeMap<(&'a Concern, &'a Source, &'a str), Told<'a>>) -> Brought<'a> {
    let mut brought = Brought(BTreeMap::new());
    for ((concern, ..), group) in told {
        let first = group.keys().next();
        if let (Some((at, _)), Some(commit), Some(version)) =
            (first, commit_of(group), version_of(group))
        {
            let commits = brought.0.entry((concern, version)).or_default();
            commits.insert((*at, commit));
        }
    }
    brought
}

impl<'a> Brought<'a> {
    /// The commit that brought what reports without one tell of: the last before them, else the first after.
    fn commit_near(&self, concern: &'a Concern, group: &Told<'a>) -> Option<&'a str> {
        let commits = self.0.get(&(concern, version_of(group)?))?;
        let (at, _) = group.keys().next()?;
        let is_near = |(told, _): &&(Timestamp, &str)| told.duration_since(*at).abs() <= APART;
        let before = commits.iter().rev().find(|(told, _)| told <= at);
        let after = || commits.iter().find(|(told, _)| told > at);
        let near = before.filter(is_near).or_else(|| after().filter(is_near));
        near.map(|(_, commit)| *commit)
    }
}

fn put_together(id: String, concern: &Concern, reports: &Told<'_>) -> Deployed {
    let mut stages = BTreeMap::new();
    let (mut changes, mut paths, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for ((observed, _), report) in reports {
        if let Some(stage) = report.stage {
            stages.entry(stage).or_insert(*observed);
        }
        changes.extend(report.changes.iter().copied());
        paths.extend(report.paths.iter().cloned());
        for check in &report.checks {
            checks.retain(|known: &CheckReport| known.name != check.name);
            checks.push(check.clone());
        }
    }
    changes.sort_unstable();
    changes.dedup();
    paths.sort_unstable();
    paths.dedup();
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    let first = |of: fn(&DeployReport) -> &Option<String>| {
        reports.values().find_map(|report| of(report).clone())
    };
    Deployed {
        id,
        concern: concern.clone(),
        stages,
        commit: first(|report| &report.commit),
        version: first(|report| &report.version),
        replaced: first(|report| &report.replaced),
        changes,
        paths,
        subject: first(|report| &report.subject),
        by: first(|report| &report.by),
        is_rollback: reports.values().any(|report| report.is_rollback),
        hotfix: first(|report| &report.hotfix),
        application: first(|report| &report.application),
        cluster: first(|report| &report.cluster),
        checks,
        analyses: Vec::new(),
        events: reports.keys().map(|(_, id)| EventId::clone(id)).collect(),
    }
}

/// Gives an analysis to the deploy whose version it judged; where it names none, to the one that had begun last.
fn give(deploys: &mut [Deployed], event: &Event, concern: &Concern, report: &AnalysisReport) {
    let at = report.started.unwrap_or(event.observed);
    let of_concern = |deploy: &&mut Deployed| deploy.concern == *concern;
    let by_version = |deploy: &&mut Deployed| match (&report.version, &deploy.version) {
        (Some(judged), Some(brought)) => judged == brought,
        _ => deploy.began().is_some_and(|began| began <= at),
    };
    let fitting = deploys.iter_mut().filter(of_concern).filter(by_version);
    let Some(deploy) = fitting.max_by_key(|deploy| deploy.began().filter(|began| *began <= at))
    else {
        return;
    };
    match deploy
        .analyses
        .iter_mut()
        .find(|known| known.run == report.run)
    {
        Some(known) if (known.ended, &known.phase) < (report.ended, &report.phase) => {
            *known = report.clone();
        }
        Some(_) => {}
        None => deploy.analyses.push(report.clone()),
    }
    deploy
        .analyses
        .sort_by(|a, b| (a.started, &a.run).cmp(&(b.started, &b.run)));
    if !deploy.events.contains(&event.id) {
        deploy.events.push(event.id.clone());
    }
}
