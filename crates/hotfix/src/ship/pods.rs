//! From the commit to ready pods, as Argo CD and the cluster show it.

use ripcord_domain::live::image::without_version;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_recovery::declared::declared;
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::Branch;
use ripcord_runbook::serving::{self, Serving};

use super::{GLANCE, Hop, Ship, Way};

/// Until every pod runs the image and is ready.
pub(super) fn to_pods(ship: &Ship<'_>, way: &mut Way<'_, '_>) -> Result<(), Problem> {
    let Some(which) = ship.cluster else {
        way.shipment.not_followed = Some(
            "no cluster is known here: whether it is synced and serves was not looked at".into(),
        );
        return Ok(());
    };
    let Some(commit) = way.shipment.commit.clone() else {
        return Err(way.stands_still(Hop::Committed, "there is no commit"));
    };
    let declared = declared(
        ship.branch,
        &ship.payload.service,
        Some(&ship.payload.environment),
    )?;
    let mut asked = false;
    loop {
        let (hop, why) = match serving::serving(ship.branch, &declared, which) {
            Ok(seen) => {
                if !asked {
                    let names: Vec<_> = seen
                        .applications
                        .iter()
                        .map(|app| app.application.clone())
                        .collect();
                    // Argo CD looks by itself too, only later.
                    asked = serving::refresh(which, &names).is_ok();
                }
                match hop_of(ship, &seen, &commit, way) {
                    Ok(None) => return Ok(()),
                    Ok(Some(stands)) => stands,
                    Err(problem) if problem.kind == Kind::Remote => (Hop::Synced, problem.message),
                    Err(problem) => return Err(problem),
                }
            }
            Err(problem) if problem.kind == Kind::Remote => (Hop::Synced, problem.message),
            Err(problem) => return Err(problem),
        };
        if way.is_over(ship.wait) {
            return Err(way.stands_still(hop, &why));
        }
        std::thread::sleep(GLANCE);
    }
}

/// The hop before which it stands, and why; none where all is done.
fn hop_of(
    ship: &Ship<'_>,
    seen: &Serving,
    commit: &str,
    way: &mut Way<'_, '_>,
) -> Result<Option<(Hop, String)>, Problem> {
    for app in &seen.applications {
        let mut has_it = false;
        for revision in &app.compared_with {
            has_it |= holds(ship.branch, commit, revision)?;
        }
        let name = &app.application;
        if !has_it {
            let now = app.compared_with.join(", ");
            return Ok(Some((
                Hop::Synced,
                format!("{name} was compared with {now}"),
            )));
        }
        if app.sync != "Synced" {
            let said = app
                .operation
                .as_ref()
                .map_or_else(String::new, |(phase, message)| {
                    format!("; its last operation: {phase} {message}")
                });
            return Ok(Some((Hop::Synced, format!("{name} is {}{said}", app.sync))));
        }
    }
    let names: Vec<String> = seen
        .applications
        .iter()
        .map(|app| app.application.to_string())
        .collect();
    way.reached(Hop::Synced, names.join(", "));
    let payload = ship.payload;
    let is_of_service = |image: &str| without_version(image) == payload.image;
    let (tag, digest) = (payload.by_tag(), payload.by_digest());
    let is_right = |image: &str| {
        image == tag || image == digest || image == format!("{tag}@{}", payload.digest)
    };
    if let Some(why) = seen.lacks(&is_of_service, &is_right, &tag) {
        return Ok(Some((Hop::Ready, why)));
    }
    // A tag says what was asked for; what a node pulled says what runs.
    let pulled: Vec<&String> = seen
        .applications
        .iter()
        .flat_map(|app| &app.pulled)
        .collect();
    let is_told = pulled.iter().any(|one| one.contains(&payload.digest));
    let how = if is_told {
        format!("{tag}, by its digest")
    } else {
        tag
    };
    way.reached(Hop::Ready, how);
    Ok(None)
}

/// Whether a commit that Argo CD deployed holds ours.
fn holds(branch: &Branch, commit: &str, revision: &str) -> Result<bool, Problem> {
    if commit == revision {
        return Ok(true);
    }
    let (Ok(ours), Ok(theirs)) = (commit.parse(), revision.parse()) else {
        return Ok(false);
    };
    if branch.repo.commit(theirs).is_err() {
        branch.newest()?;
        if branch.repo.commit(theirs).is_err() {
            return Ok(false);
        }
    }
    branch.repo.is_ancestor(ours, theirs).map_err(from_repo)
}
