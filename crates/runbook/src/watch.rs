//! After the proof: does anybody bring the bad version back, and who?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ripcord_connect::workloads::Seen;
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::image::{Aim, Verdict};
use ripcord_domain::live::proof::{self, Missing};
use ripcord_domain::problem::Problem;
use ripcord_recovery::keep::Descent;

use crate::durable::Target;
use crate::observe::Clusters;
use crate::picture::{Picture, look};
use crate::record::Record;

/// How often it is looked. What changed in between is known by the generation.
const GLANCE: Duration = Duration::from_millis(500);

/// What was seen of one Application.
#[derive(Default)]
pub(crate) struct Watched {
    /// What came back, and who brought it.
    pub(crate) relapse: Option<String>,
    /// What its pods lacked at the end, whoever it is due to.
    pub(crate) lacks: Vec<Missing>,
}

/// Watches one Application for a while.
pub(crate) async fn watch(
    clusters: &Clusters,
    record: &Record,
    aim: &Aim,
    target: &Target<'_>,
    name: &AppName,
    time: Duration,
) -> Result<Watched, Problem> {
    let mut watched = Watched::default();
    let until = Instant::now() + time;
    let mut generations: BTreeMap<ObjectKey, i64> = BTreeMap::new();
    let mut away = false;
    while Instant::now() < until {
        match look(clusters, name).await {
            Ok(picture) => {
                if away {
                    record.note(format!("{name}: the cluster answers again"));
                    away = false;
                }
                watched.relapse = relapse(aim, target, &picture);
                if watched.relapse.is_some() {
                    return Ok(watched);
                }
                if let Some(commit) = newer(target, &picture.app) {
                    record.note(format!(
                        "{name}: somebody deployed something else with commit {commit}; it is no longer watched"
                    ));
                    watched.lacks.clear();
                    return Ok(watched);
                }
                watched.lacks = lacks(aim, &picture);
                note_changes(record, &mut generations, &picture);
            }
            Err(error) if error.may_pass() => {
                if !away {
                    record.note(error.to_string());
                }
                away = true;
            }
            Err(error) => return Err(error.into()),
        }
        let left = until.saturating_duration_since(Instant::now());
        tokio::time::sleep(GLANCE.min(left)).await;
    }
    Ok(watched)
}

/// What the pods lack, whatever brought that about.
fn lacks(aim: &Aim, picture: &Picture) -> Vec<Missing> {
    let workloads = picture.workloads.iter();
    workloads
        .flat_map(|seen| proof::pods(aim, &seen.workload, &seen.pods))
        .collect()
}

/// What came back, in words.
fn relapse(aim: &Aim, target: &Target<'_>, picture: &Picture) -> Option<String> {
    let app = &picture.app;
    let bad = picture.workloads.iter().find(|seen| is_bad(aim, seen));
    if let Some(seen) = bad {
        let workload = &seen.workload;
        let who = workload.changed_by.as_ref().map_or_else(
            || "somebody".to_owned(),
            |author| who(target, app, &author.manager),
        );
        let at = workload
            .changed_by
            .as_ref()
            .and_then(|author| author.at)
            .map_or_else(String::new, |at| format!(" at {at}"));
        return Some(format!(
            "{}: {who} brought the bad version back{at}",
            workload.key
        ));
    }
    // Only what Argo CD has been compared with tells where images do not.
    let back = |revision: &&str| {
        let descent = (target.descent)(revision);
        !matches!(descent, Descent::Keeps | Descent::Overtakes)
    };
    target.compared_with(app).find(back).map(|revision| {
        format!(
            "{}: commit {} no longer says what was restored, and Argo CD deploys it",
            app.name,
            (target.told)(revision),
        )
    })
}

/// The later commit by which somebody deployed something else, if Argo CD was compared with one.
fn newer(target: &Target<'_>, app: &Application) -> Option<String> {
    let mut compared = target.compared_with(app);
    let is_newer = |revision: &&str| (target.descent)(revision) == Descent::Overtakes;
    compared
        .find(is_newer)
        .map(|revision| (target.told)(revision))
}

fn is_bad(aim: &Aim, seen: &Seen) -> bool {
    aim.of(seen.workload.images.iter().map(String::as_str)) == Verdict::Bad
}

/// A program as people know it, and on whose behalf it acted.
fn who(target: &Target<'_>, app: &Application, manager: &str) -> String {
    if !manager.starts_with("argocd") {
        return match manager {
            "kubectl-set"
            | "kubectl-edit"
            | "kubectl"
            | "kubectl-patch"
            | "kubectl-client-side-apply" => format!("somebody with kubectl ({manager})"),
            other => format!("`{other}`"),
        };
    }
    let operation = app.operation_state.as_ref().map(|state| &state.operation);
    let on_behalf = match operation {
        Some(operation) if operation.is_automated => "auto-sync".to_owned(),
        Some(operation) if !operation.username.is_empty() => operation.username.clone(),
        _ => "nobody that it names".to_owned(),
    };
    let revision = target.compared_with(app).next();
    let why = match revision {
        Some(revision) if !target.accepts(revision) => {
            format!(", at commit {}", (target.told)(revision))
        }
        // Git says what was restored: then the Application's own settings say otherwise.
        _ => match &app.changed_by {
            Some(author) if !author.manager.starts_with("argocd-controller") => {
                format!(", with settings that `{}` changed", author.manager)
            }
            _ => String::new(),
        },
    };
    format!("Argo CD, on behalf of {on_behalf}{why},")
}

/// Says what was changed and changed back between two looks.
fn note_changes(record: &Record, generations: &mut BTreeMap<ObjectKey, i64>, picture: &Picture) {
    for seen in &picture.workloads {
        let workload = &seen.workload;
        let before = generations.insert(workload.key.clone(), workload.generation);
        if before.is_some_and(|before| before != workload.generation) {
            let by = workload.changed_by.as_ref();
            let by = by.map_or("somebody", |author| author.manager.as_str());
            record.note(format!(
                "{} was changed by {by}, and does not run the bad version",
                workload.key
            ));
        }
    }
}
