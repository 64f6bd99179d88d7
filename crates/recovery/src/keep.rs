//! Questions about Git that a recovery in the cluster has: which files, which commits count as ours.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ripcord_domain::catalog::resolve;
use ripcord_domain::message::{short_commit, trailer};
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::quarantine;
use ripcord_domain::timeline::State;
use ripcord_git::{Interest, Oid, PushOutcome, RejectKind, trailers};
use ripcord_manifest::{ReadRules, Reference};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::places;
use crate::problems::from_repo;
use crate::survey::{self, Branch};

/// The files that decide what a plan's services run: those that change, or, where nothing does, those that
/// declare it.
pub fn files(plan: &Plan) -> Vec<String> {
    let changed = plan
        .changes
        .iter()
        .map(|change| change.path.clone())
        .filter(|path| !quarantine::is_ours(path));
    let declared = plan.services.iter().flat_map(|part| part.files.clone());
    let files: BTreeSet<String> = changed.chain(declared).collect();
    files.into_iter().collect()
}

/// Whether other files than a plan's were changed in these folders, and what they are built from, between a
/// commit and the plan's base: whoever went back to that commit would take them back too. What cannot be
/// read counts as changed.
pub fn differs_elsewhere(branch: &Branch, plan: &Plan, commit: &str, folders: &[&str]) -> bool {
    let (Some(then), Some(now)) = (tree_of(branch, commit), tree_of(branch, &plan.base)) else {
        return true;
    };
    let folders = folders.iter().flat_map(|folder| {
        let folder = folder.trim_matches('/');
        let folder = if folder == "." { "" } else { folder };
        built_from(branch, &plan.base, folder)
    });
    let interest = Interest::paths([], folders.map(String::into_bytes));
    let ours = files(plan);
    branch
        .repo
        .changes(Some(then), now, &interest)
        .map_or(true, |changes| {
            changes.iter().any(|change| {
                !quarantine::is_ours(&change.path.to_string())
                    && ours
                        .iter()
                        .all(|path| path.as_bytes() != change.path.as_slice())
            })
        })
}

/// The Applications that the changed files of a plan declare: their settings change, by their parent.
pub fn applications_in(branch: &Branch, plan: &Plan) -> BTreeSet<String> {
    let Some(tree) = tree_of(branch, &plan.base) else {
        return BTreeSet::new();
    };
    let declared = |path: String| {
        let entry = branch.repo.entry(tree, &path).ok().flatten()?;
        let bytes = branch.repo.blob(entry.id).ok()?;
        let facts = ripcord_manifest::read(&path, &bytes, &ReadRules::default());
        let objects = facts.objects.into_iter();
        let names = objects.filter(|object| object.kind == "Application");
        Some(names.map(|object| object.name).collect::<Vec<_>>())
    };
    files(plan)
        .into_iter()
        .filter_map(declared)
        .flatten()
        .collect()
}

fn tree_of(branch: &Branch, commit: &str) -> Option<Oid> {
    let id: Oid = commit.parse().ok()?;
    Some(branch.repo.commit(id).ok()?.tree)
}

/// Whether a commit is one of the repository's, as far as is known here.
pub fn knows(branch: &Branch, commit: &str) -> bool {
    commit
        .parse()
        .is_ok_and(|id: Oid| branch.repo.commit(id).is_ok())
}

/// A commit as people know it: its name, who made it, what they said.
pub fn told(branch: &Branch, commit: &str) -> String {
    let short = short_commit(commit);
    let known = commit.parse().ok().map(|id: Oid| branch.repo.commit(id));
    match known {
        Some(Ok(found)) => {
            let subject = found.message.lines().next().unwrap_or_default();
            format!("{short} of {} ({subject})", found.author.name)
        }
        _ => short.to_owned(),
    }
}

/// Whether the remote lets these credentials push to the branch. Nothing is pushed.
///
/// # Errors
/// It does not, or cannot be reached.
pub fn may_push(branch: &Branch) -> Result<(), Problem> {
    match branch.repo.may_push(&branch.name).map_err(from_repo)? {
        PushOutcome::Rejected {
            kind: RejectKind::Permission,
            reason,
            ..
        } => Err(Problem::new(
            Kind::Rejected,
            "push_rejected",
            format!("these credentials may not push: {reason}"),
        )),
        // A tip that has moved is refused as such: whoever is told so may push.
        _ => Ok(()),
    }
}

/// How many commits of the branch are searched for a recovery's own.
const SEARCHED: usize = 500;

/// The commit by which a recovery changed the branch, if it did: whoever was killed between the push and
/// its record finds it so.
///
/// # Errors
/// The remote cannot be reached.
pub fn landed(branch: &Branch, recovery: &str) -> Result<Option<String>, Problem> {
    let repo = &branch.repo;
    let tip = repo
        .fetch_tip(&branch.name, repo.depth())
        .map_err(from_repo)?;
    for link in repo.first_parents(tip).take(SEARCHED) {
        let commit = link.map_err(from_repo)?.commit;
        let message = repo.commit(commit).map_err(from_repo)?.message;
        let is_it = trailers::trailers(&message)
            .iter()
            .any(|(key, value)| key == trailer::RECOVERY && value == recovery);
        if is_it {
            return Ok(Some(commit.to_string()));
        }
    }
    Ok(None)
}

/// The files in which kustomize looks for what a folder is built from.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The folders that a folder is built from at a commit, itself included: kustomize's resources, bases,
/// components. What cannot be read is left out: the folder's own files always count.
pub fn built_from(branch: &Branch, commit: &str, folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([folder.to_owned()]);
    let Some(tree) = tree_of(branch, commit) else {
        return found;
    };
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for name in KUSTOMIZATIONS {
            let Some(path) = resolve(&folder, name) else {
                continue;
            };
            let Ok(Some(entry)) = branch.repo.entry(tree, &path) else {
                continue;
            };
            let Ok(bytes) = branch.repo.blob(entry.id) else {
                continue;
            };
            let facts = ripcord_manifest::read(&path, &bytes, &ReadRules::default());
            for reference in facts.references {
                let (Reference::KustomizeResource(other)
                | Reference::KustomizeComponent(other)
                | Reference::KustomizeBase(other)) = reference
                else {
                    continue;
                };
                if let Some(other) = resolve(&folder, &other)
                    && found.insert(other.clone())
                {
                    left.push(other);
                }
            }
        }
    }
    found
}

/// Whether a part of the change from `before` to `ours` is undone in `now`: at the same place a line is there
/// again, or gone again.
fn takes_back(before: &str, ours: &str, now: &str) -> bool {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (ours, before, now) = (lines(ours), lines(before), lines(now));
    let changed = |other: &[&str]| -> Vec<(Range<usize>, Range<usize>)> {
        capture_diff_slices(Algorithm::Myers, &ours, other)
            .into_iter()
            .filter(|op| op.tag() != DiffTag::Equal)
            .map(|op| (op.old_range(), op.new_range()))
            .collect()
    };
    let was = changed(&before);
    changed(&now).into_iter().any(|(at, lines)| {
        was.iter().any(|(was_at, were)| {
            let touch = at.start <= was_at.end && was_at.start <= at.end;
            let gone = at.start.max(was_at.start) < at.end.min(was_at.end);
            let again = before[were.clone()]
                .iter()
                .any(|line| !line.trim().is_empty() && now[lines.clone()].contains(line));
            // A line that was only replaced by something new is not gone again.
            touch && (again || (gone && were.is_empty() && lines.is_empty()))
        })
    })
}

/// How a commit stands to the one that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descent {
    /// It is the one, or a later one in which the services still run what it restored and nothing that it
    /// changed is again what it was before.
    Keeps,
    /// A later one that brings back what was left.
    TakesBack,
    /// A later one by which somebody deployed something else.
    Overtakes,
    /// It is not above the one that was pushed, or that is not known.
    Elsewhere,
}

/// Knows how commits stand to the one that was pushed.
pub struct Keeper<'a> {
    branch: &'a Branch,
    commit: Option<Oid>,
    services: Vec<(String, String)>,
    /// The files that it changed, and the commit before it.
    files: Vec<String>,
    base: String,
    wanted: RefCell<Option<Vec<State>>>,
    known: RefCell<BTreeMap<String, Descent>>,
}

impl<'a> Keeper<'a> {
    /// For the services of a plan and its commit.
    pub fn new(branch: &'a Branch, plan: &Plan, commit: Option<&str>) -> Self {
        Self {
            branch,
            commit: commit.and_then(|commit| commit.parse().ok()),
            services: plan
                .services
                .iter()
                .map(|part| (part.service.to_string(), part.environment.to_string()))
                .collect(),
            files: plan
                .changes
                .iter()
                .map(|change| change.path.clone())
                .filter(|path| !quarantine::is_ours(path))
                .collect(),
            base: plan.base.clone(),
            wanted: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// Whether a commit counts as the one that was pushed. What cannot be found out does not count.
    pub fn accepts(&self, revision: &str) -> bool {
        self.descent(revision) == Descent::Keeps
    }

    /// How a commit stands to the one that was pushed. One that is not known yet is fetched.
    pub fn descent(&self, revision: &str) -> Descent {
        let Some(commit) = self.commit else {
            return Descent::Elsewhere;
        };
        let Ok(id) = revision.parse::<Oid>() else {
            return Descent::Elsewhere;
        };
        if id == commit {
            return Descent::Keeps;
        }
        if let Some(known) = self.known.borrow().get(revision) {
            return *known;
        }
        let Ok(descent) = self.compared(commit, id) else {
            return Descent::Elsewhere;
        };
        self.known.borrow_mut().insert(revision.to_owned(), descent);
        descent
    }

    /// How the tip stands that the remote has now; the tip, in hex.
    ///
    /// # Errors
    /// The remote cannot be reached.
    pub fn tip(&self) -> Result<(String, Descent), Problem> {
        let repo = &self.branch.repo;
        let tip = repo
            .fetch_tip(&self.branch.name, repo.depth())
            .map_err(from_repo)?
            .to_string();
        let descent = self.descent(&tip);
        Ok((tip, descent))
    }

    fn compared(&self, commit: Oid, revision: Oid) -> Result<Descent, Problem> {
        let repo = &self.branch.repo;
        if repo.commit(revision).is_err() {
            repo.fetch_tip(&self.branch.name, repo.depth())
                .map_err(from_repo)?;
        }
        if !repo.is_ancestor(commit, revision).map_err(from_repo)? {
            return Ok(Descent::Elsewhere);
        }
        if self.wanted.borrow().is_none() {
            let states = self.states(commit)?;
            *self.wanted.borrow_mut() = Some(states);
        }
        let now = self.states(revision)?;
        let wanted = self.wanted.borrow();
        let wanted = wanted.as_deref().unwrap_or_default();
        if wanted == now {
            return Ok(if self.is_taken_back(commit, revision) {
                Descent::TakesBack
            } else {
                Descent::Keeps
            });
        }
        // Where Git said so already nothing tells what was left: it is not given way to unseen.
        let Some(left) = self.left(commit)? else {
            return Ok(Descent::TakesBack);
        };
        let mut services = wanted.iter().zip(&now).zip(&left);
        // Where one of several is taken back it does not matter what became of the others.
        let is_back = services.any(|((wanted, now), left)| now != wanted && now == left);
        Ok(if is_back {
            Descent::TakesBack
        } else {
            Descent::Overtakes
        })
    }

    /// What the services declared before the commit, where it changed that.
    fn left(&self, commit: Oid) -> Result<Option<Vec<State>>, Problem> {
        match self.base.parse() {
            Ok(base) if base != commit => self.states(base).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether a part of what was changed is again what it was before: a version is not all that a rollback
    /// brings back.
    fn is_taken_back(&self, commit: Oid, revision: Oid) -> bool {
        let text = |commit: &str, path: &str| {
            let tree = tree_of(self.branch, commit)?;
            let entry = self.branch.repo.entry(tree, path).ok()?;
            let bytes = entry.and_then(|entry| self.branch.repo.blob(entry.id).ok());
            Some(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        };
        self.files.iter().any(|path| {
            let (Some(before), Some(ours), Some(now)) = (
                text(&self.base, path),
                text(&commit.to_string(), path),
                text(&revision.to_string(), path),
            ) else {
                return false;
            };
            takes_back(&before, &ours, &now)
        })
    }

    /// What the services declare at a commit.
    fn states(&self, commit: Oid) -> Result<Vec<State>, Problem> {
        let place = self.branch.at(commit)?;
        let names: Vec<&str> = self
            .services
            .iter()
            .map(|(service, _)| service.as_str())
            .collect();
        let catalog = survey::catalog_of(&self.branch.repo, &place, &names)?;
        self.services
            .iter()
            .map(|(service, environment)| {
                let unit = catalog.find(&place.settings, service, Some(environment))?;
                Ok(places::state_now(unit))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_comes_back_is_seen_beside_a_version_that_stays() {
        let before = "port: 80\ntag: v15\nmode: fast\n";
        let ours = "safe: true\nport: 80\ntag: v14\n";
        let is = |now: &str| takes_back(before, ours, now);
        assert!(is("safe: true\nport: 80\ntag: v14\nmode: fast\n"));
        assert!(is("port: 80\ntag: v14\n"), "what came back is gone again");
        assert!(is(before));
        for kept in [
            ours,
            "safe: true\nport: 81\ntag: v14\n",
            "safe: true\nport: 80\ntag: v16\n",
            "safe: true\nport: 80\ntag: v14\nmode: slow\n",
            "mode: fast\nsafe: true\nport: 80\ntag: v14\n",
        ] {
            assert!(!is(kept), "{kept}");
        }
    }
}
