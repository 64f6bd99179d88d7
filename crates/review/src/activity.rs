//! What went on from when to when, lane by lane: the chart as data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::instant::Moment;
use ripcord_domain::incident::report::DeployStage;

/// A lane of the chart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What was deployed.
    Deploys,
    /// What fired.
    Alerts,
    /// What people did.
    Response,
    /// The way back.
    Recovery,
    /// The full fix.
    Hotfix,
}

impl Lane {
    /// Every lane, from above.
    pub const ALL: [Self; 5] = [
        Self::Deploys,
        Self::Alerts,
        Self::Response,
        Self::Recovery,
        Self::Hotfix,
    ];

    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploys => "Deploys",
            Self::Alerts => "Alerts",
            Self::Response => "Response",
            Self::Recovery => "Recovery",
            Self::Hotfix => "Hotfix",
        }
    }
}

/// Something that went on, or an instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// Where it is drawn.
    pub lane: Lane,
    /// When it began.
    pub from: Timestamp,
    /// When it ended, or the last that is known of it; the same as `from` for an instant.
    pub to: Timestamp,
    /// Its end is not known.
    pub open: bool,
    /// What it is.
    pub label: String,
}

/// All that went on, by lane and beginning.
pub(crate) fn activities(incident: &Incident, deploys: &[Deployed]) -> Vec<Activity> {
    let mut found = Vec::new();
    // A deploy of the same service that has nothing to do with it is context, one of another service is noise.
    let ours = deploys
        .iter()
        .filter(|deploy| incident.concerns.contains(&deploy.concern));
    found.extend(ours.filter_map(deploy));
    for alert in incident.alerts.values() {
        let title = alert
            .said
            .value()
            .map_or("alert", |said| said.title.as_str());
        for (began, episode) in &alert.episodes {
            let from = episode.condition.filter(|at| at <= began).unwrap_or(*began);
            found.push(ended(
                Lane::Alerts,
                from,
                episode.ended.at(),
                title.to_owned(),
            ));
            if let Some(at) = episode.acknowledged.at() {
                found.push(point(Lane::Response, at, "acknowledged"));
            }
        }
    }
    let instants = incident.instants(incident.cause(deploys).flatten(), deploys);
    for (moment, label) in [
        (Moment::Informed, "informed"),
        (Moment::Decided, "decided"),
        (Moment::Restored, "restored"),
    ] {
        let at = instants
            .iter()
            .find(|one| one.moment == moment)
            .and_then(|one| one.at);
        found.extend(at.map(|at| point(Lane::Response, at, label)));
    }
    for report in incident
        .recoveries
        .values()
        .filter_map(|known| known.value())
    {
        let label = format!("back to {}", report.to);
        found.push(ended(Lane::Recovery, report.started, report.durable, label));
        for (at, label) in [
            (report.committed, "in Git"),
            (report.good, "good pods"),
            (report.synced, "synced"),
        ] {
            found.extend(at.map(|at| point(Lane::Recovery, at, label)));
        }
    }
    for report in incident.hotfixes.values().filter_map(|known| known.value()) {
        let Some(from) = report.started.or(report.committed).or(report.ready) else {
            continue;
        };
        found.push(ended(
            Lane::Hotfix,
            from,
            report.ready,
            format!("hotfix {}", report.hotfix),
        ));
    }
    found.sort();
    found.dedup();
    found
}

fn deploy(deploy: &Deployed) -> Option<Activity> {
    let from = deploy.began()?;
    let ends = [
        DeployStage::Healthy,
        DeployStage::Aborted,
        DeployStage::Failed,
        DeployStage::Degraded,
    ];
    let over: BTreeMap<Timestamp, DeployStage> = ends
        .into_iter()
        .filter_map(|stage| deploy.at(stage).map(|at| (at, stage)))
        .collect();
    let (to, stage) = over
        .first_key_value()
        .map_or((None, None), |(at, stage)| (Some(*at), Some(*stage)));
    let which = deploy.version.as_ref().unwrap_or(&deploy.id);
    let how = match stage {
        Some(DeployStage::Aborted) => " stopped",
        Some(DeployStage::Failed) => " failed",
        Some(DeployStage::Degraded) => " unhealthy",
        _ => "",
    };
    Some(ended(Lane::Deploys, from, to, format!("{which}{how}")))
}

fn point(lane: Lane, at: Timestamp, label: &str) -> Activity {
    Activity {
        lane,
        from: at,
        to: at,
        open: false,
        label: label.to_owned(),
    }
}

/// An end before the beginning is drawn as no end: the figures say what is wrong with it.
fn ended(lane: Lane, from: Timestamp, to: Option<Timestamp>, label: String) -> Activity {
    let to = to.filter(|to| *to >= from);
    Activity {
        lane,
        from,
        to: to.unwrap_or(from),
        open: to.is_none(),
        label,
    }
}
