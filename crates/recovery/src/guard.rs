//! Whether a change deploys what is quarantined, or takes a hotfix out.
//!
//! What every service runs is compared before and after, whatever files and layouts were touched to
//! get there. What counts is what the target branch keeps out, what the change itself puts in, and
//! what it lifts: to lift and to deploy are two changes. What cannot be read is not let through.

mod in_force;
mod replaced;

use std::collections::BTreeSet;

use bstr::ByteSlice;
use jiff::Timestamp;
use ripcord_domain::catalog::{Place as Declared, Unit, UnitName};
use ripcord_domain::config::Settings;
use ripcord_domain::hotfix::Shipped;
use ripcord_domain::message::trailer;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::quarantine::{self, Identity, path_of};
use ripcord_domain::{Catalog, Environment, Service, layout};
use ripcord_git::{Interest, Oid, Repo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::in_force::{InForce, Rules, in_force};
pub use self::replaced::{Dropped, Drops, Replaced};
use crate::problems::from_repo;
use crate::risk::DROPS_HOTFIX;
use crate::survey::{self, Branch, Extent, Place};

/// The code of the refusal.
pub const QUARANTINED: &str = "quarantined";
/// The code of a `ripcord.yaml` that cannot be understood.
const BAD_CONFIGURATION: &str = "bad_configuration";

/// What is compared.
#[derive(Clone, Debug, Default)]
pub struct GuardRequest {
    /// The revision before; none is where the head left the branch.
    pub base: Option<String>,
    /// The revision after; none is HEAD.
    pub head: Option<String>,
    /// A change may deploy what it lifts itself.
    pub allow_lift: bool,
}

/// `ripcord guard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The number of the JSON form.
    pub schema: u32,
    /// The branch that is deployed.
    pub branch: String,
    /// What was compared.
    pub compared: Vec<Compared>,
    /// Every deploy of a quarantined version.
    pub findings: Vec<Finding>,
    /// Every hotfix that is taken out, or may be.
    pub drops: Vec<Dropped>,
}

/// Two commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The commit before, in hex; none where there was nothing before.
    pub base: Option<String>,
    /// The commit after, in hex.
    pub head: String,
    /// How many quarantined versions were looked for.
    pub in_force: usize,
}

/// A quarantined version that the change deploys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The file that declares it, from the root of the repository.
    pub path: String,
    /// The line in it, counted from one, where it is known.
    pub line: Option<usize>,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// What the version is of.
    pub subject: String,
    /// The version.
    pub version: String,
    /// When the quarantine began.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub reason: Option<String>,
    /// The incident.
    pub incident: Option<String>,
    /// Who put it there.
    pub by: Option<String>,
    /// Whether the same change lifts the quarantine.
    pub lifted_here: bool,
    /// The file that keeps it out.
    pub quarantine: String,
    /// The command that lifts it.
    pub lift: String,
}

impl Finding {
    /// The finding in one line, without the file.
    pub fn sentence(&self) -> String {
        let Self {
            service,
            environment,
            version,
            until,
            ..
        } = self;
        let mut line =
            format!("{service} in {environment}: {version} is quarantined until {until}");
        for (before, words) in [(", ", &self.incident), (": ", &self.reason)] {
            if let Some(words) = words {
                line.push_str(before);
                line.push_str(words);
            }
        }
        if self.lifted_here {
            line.push_str("; to lift and to deploy are two changes");
        }
        line.push_str("; to allow it: ");
        line.push_str(&self.lift);
        line
    }
}

impl Verdict {
    fn of(branch: &Branch) -> Self {
        Self {
            schema: SCHEMA,
            branch: branch.name.clone(),
            compared: Vec::new(),
            findings: Vec::new(),
            drops: Vec::new(),
        }
    }

    /// Whether there is nothing to refuse.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.refused_drops().next().is_none()
    }

    /// The hotfixes for which the change is refused.
    pub fn refused_drops(&self) -> impl Iterator<Item = &Dropped> {
        self.drops.iter().filter(|drop| drop.is_refused)
    }

    /// The refusal, if there is anything to refuse.
    ///
    /// # Errors
    /// A quarantined version is deployed, or a hotfix is taken out.
    pub fn settle(&self) -> Result<(), Problem> {
        let Some(first) = self.findings.first() else {
            return self.settle_drops();
        };
        let mut problem = Problem::new(
            Kind::Refused,
            QUARANTINED,
            format!(
                "{} deploy(s) of quarantined versions, such as {} of {} in {}",
                self.findings.len(),
                first.version,
                first.service,
                first.environment
            ),
        );
        let lifts: BTreeSet<&str> = self.findings.iter().map(|f| f.lift.as_str()).collect();
        for lift in lifts.into_iter().take(3) {
            problem = problem.hint(format!("a commit of its own allows it again: `{lift}`"));
        }
        if self.findings.iter().any(|finding| finding.lifted_here) {
            problem = problem
                .hint("`ripcord guard --allow-lift` lets a change deploy what it lifts itself");
        }
        Err(problem)
    }

    fn settle_drops(&self) -> Result<(), Problem> {
        let Some(first) = self.refused_drops().next() else {
            return Ok(());
        };
        Err(Problem::new(Kind::Refused, DROPS_HOTFIX, first.message.clone())
            .hint(format!(
                "merge `{}` into what is deployed, and build again; `ripcord hotfix status` shows what is missing",
                first.hotfix.branch()
            ))
            .hint(format!(
                "a commit of the change with `{}: {}` in its last paragraph takes it out all the same",
                trailer::DROPS_HOTFIX,
                first.hotfix
            )))
    }
}

/// Compares a change with where it left the branch.
///
/// # Errors
/// What cannot be read or found: whether the change is clean is not known then.
pub fn guard(
    branch: &Branch,
    request: &GuardRequest,
    drops: &Drops<'_>,
    now: Timestamp,
) -> Result<Verdict, Problem> {
    let repo = &branch.repo;
    let resolve = |spec: &str| repo.resolve(spec).map_err(from_repo);
    let mut verdict = Verdict::of(branch);
    let head = request.head.as_deref().map(resolve).transpose()?;
    let (base, head, target) = if let Some(base) = &request.base {
        let head = head.map_or_else(|| resolve("HEAD"), Ok)?;
        (Some(resolve(base)?), head, None)
    } else {
        let tip = repo
            .fetch_tip(&branch.name, repo.depth())
            .map_err(from_repo)?;
        let head = match head {
            Some(head) => head,
            None if repo.worktree().is_none() => tip,
            None => resolve("HEAD")?,
        };
        let base = repo.merge_base(head, tip).map_err(from_repo)?;
        match base {
            // What is on the branch already is compared with what was there before it.
            Some(base) if base == head => (first_parent(repo, head)?, head, Some(tip)),
            Some(base) => (Some(base), head, Some(tip)),
            None => return Err(no_base(branch, head)),
        }
    };
    let change = Change {
        line: &branch.name,
        base,
        head,
        target: target.or(base),
        allow_lift: request.allow_lift,
    };
    judge(branch, &change, drops, now, &mut verdict)?;
    Ok(verdict)
}

fn first_parent(repo: &Repo, commit: Oid) -> Result<Option<Oid>, Problem> {
    let parents = repo.commit(commit).map_err(from_repo)?.parents;
    let parent = parents.first().copied();
    match parent {
        Some(parent) if repo.is_shallow() && repo.commit(parent).is_err() => Err(Problem::new(
            Kind::Local,
            "no_base",
            format!("what came before {commit} is not in this shallow clone"),
        )
        .hint(
            "fetch more of the past (`fetch-depth: 0`, `GIT_DEPTH: 0`), or name it: `--base REV`",
        )),
        parent => Ok(parent),
    }
}

fn no_base(branch: &Branch, head: Oid) -> Problem {
    Problem::new(
        Kind::Local,
        "no_base",
        format!(
            "where {head} left `{}` is not known here, so what it changes is not either",
            branch.name
        ),
    )
    .hint("fetch more of the past (`fetch-depth: 0`, `GIT_DEPTH: 0`), or name it: `--base REV`")
}

/// Judges what a bare repository is about to receive: the lines of a `pre-receive` hook. Only the
/// branches that are deployed count; a deleted branch deploys nothing, and a new one is compared with
/// where it left the repository's own branch.
///
/// # Errors
/// As [`guard`]; lines that git does not write.
pub fn receive(
    branch: &Branch,
    lines: &str,
    allow_lift: bool,
    drops: &Drops<'_>,
    now: Timestamp,
) -> Result<Verdict, Problem> {
    let repo = &branch.repo;
    let mut verdict = Verdict::of(branch);
    let own_tip = repo.receiving_head().and_then(|(_, tip)| *tip);
    let mut deployed = Some(BTreeSet::from([branch.name.clone()]));
    if let Some(tip) = own_tip {
        match branch.at(tip) {
            Ok(place) => {
                let branches = place.settings.config.branches.into_values();
                deployed.get_or_insert_default().extend(branches);
            }
            // Which branches are deployed is not known until somebody mends it.
            Err(problem) if problem.code == BAD_CONFIGURATION => deployed = None,
            Err(problem) => return Err(problem),
        }
    }
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [old, new, name] = words.as_slice() else {
            return Err(not_a_push(line));
        };
        let Some(name) = name.strip_prefix("refs/heads/") else {
            continue;
        };
        if deployed.as_ref().is_some_and(|all| !all.contains(name)) {
            continue;
        }
        let id = |text: &str| text.parse::<Oid>().map_err(|_| not_a_push(line));
        let (old, new) = (id(old)?, id(new)?);
        if new.is_null() {
            continue;
        }
        let base = match own_tip {
            _ if !old.is_null() => Some(old),
            Some(tip) => repo.merge_base(new, tip).map_err(from_repo)?,
            None => None,
        };
        let change = Change {
            line: name,
            base,
            head: new,
            target: base,
            allow_lift,
        };
        judge(branch, &change, drops, now, &mut verdict)?;
    }
    Ok(verdict)
}

fn not_a_push(line: &str) -> Problem {
    Problem::new(
        Kind::Usage,
        "not_a_push",
        format!("`{}` is no line of a push", line.escape_default()),
    )
    .hint("git writes `OLD NEW REF` to the standard input of its `pre-receive` hook")
}

struct Change<'a> {
    /// The branch: it can stand for an environment.
    line: &'a str,
    base: Option<Oid>,
    head: Oid,
    /// Whose quarantine counts: the branch's tip, or what the change starts from.
    target: Option<Oid>,
    allow_lift: bool,
}

fn judge(
    branch: &Branch,
    change: &Change<'_>,
    drops: &Drops<'_>,
    now: Timestamp,
    verdict: &mut Verdict,
) -> Result<(), Problem> {
    let repo = &branch.repo;
    let head = branch.at(change.head)?;
    let base = change
        .base
        .map(|base| before(branch, base, &head))
        .transpose()?;
    let rules = in_force(branch, change, &head, base.as_ref(), now)?;
    let fixes = replaced::shipped(repo, change, base.as_ref())?;
    verdict.compared.push(Compared {
        base: change.base.map(|base| base.to_string()),
        head: change.head.to_string(),
        in_force: rules.values().map(Vec::len).sum(),
    });
    let changed: BTreeSet<String> = repo
        .changes(base.as_ref().map(|b| b.tree), head.tree, &Interest::All)
        .map_err(from_repo)?
        .into_iter()
        .map(|change| change.path.to_str_lossy().into_owned())
        .filter(|path| !quarantine::is_ours(path))
        .collect();
    if (rules.is_empty() && fixes.is_empty()) || changed.is_empty() {
        return Ok(());
    }
    let mut count: BTreeSet<&Service> = rules.keys().collect();
    count.extend(fixes.iter().map(|fix| &fix.service));
    let mut found = BTreeSet::new();
    let mut dropped = BTreeSet::new();
    for settings in readings(branch, &head, base.as_ref())? {
        let at = |place: &Place| {
            let place = Place {
                branch: change.line.to_owned(),
                tip: place.tip,
                tree: place.tree,
                settings: settings.clone(),
                index: None,
            };
            survey::catalog(repo, &place, Extent::Whole)
        };
        let after = at(&head)?;
        let before = base.as_ref().map(at).transpose()?.unwrap_or_default();
        stop_for_unreadable(&settings, &after, &changed, &count)?;
        find(
            repo,
            head.tree,
            &settings,
            (&before, &after),
            &rules,
            &mut found,
        )?;
        let replaced = |before: &Unit, after: &Unit, fix: &Shipped| {
            drops(&Replaced {
                repo,
                settings: &settings,
                before,
                after,
                fix,
                base: change.base,
                head: change.head,
                now,
            })
        };
        replaced::ask(&replaced, (&before, &after), &fixes, &mut dropped)?;
    }
    verdict.findings.extend(found);
    verdict.drops.extend(dropped);
    Ok(())
}

/// The branch as it was. Who mends its configuration must not be stopped by how that was.
fn before(branch: &Branch, commit: Oid, head: &Place) -> Result<Place, Problem> {
    match branch.at(commit) {
        Err(problem) if problem.code == BAD_CONFIGURATION => Ok(Place {
            branch: branch.name.clone(),
            tip: commit,
            tree: branch.repo.commit(commit).map_err(from_repo)?.tree,
            settings: head.settings.clone(),
            index: None,
        }),
        place => place,
    }
}

/// The configurations by which both sides are read. A change of the configuration must not hide whose
/// a file is, in either direction, and one that is inherited may not have been there when a version
/// was quarantined.
fn readings(branch: &Branch, head: &Place, base: Option<&Place>) -> Result<Vec<Settings>, Problem> {
    let mut readings = vec![head.settings.clone()];
    readings.extend(base.map(|base| base.settings.clone()));
    let inherits = branch.configuration.is_none() && branch.inherited.is_some();
    if inherits && survey::written(&branch.repo, head.tree)?.is_none() {
        readings.push(Settings::default());
    }
    let mut different: Vec<Settings> = Vec::new();
    for settings in readings {
        if !different
            .iter()
            .any(|known| known.config == settings.config)
        {
            different.push(settings);
        }
    }
    Ok(different)
}

/// Refuses to judge by files that cannot be read where one of them may be a service's that counts.
fn stop_for_unreadable(
    settings: &Settings,
    after: &Catalog,
    changed: &BTreeSet<String>,
    count: &BTreeSet<&Service>,
) -> Result<(), Problem> {
    let unread = after.unreadable.iter().find(|skipped| {
        let owner = layout::owner_of_path(settings, &skipped.path).service;
        changed.contains(&skipped.path) && owner.is_none_or(|owner| count.contains(&owner))
    });
    match unread {
        None => Ok(()),
        Some(skipped) => Err(Problem::new(
            Kind::Local,
            "unreadable_change",
            format!(
                "{} cannot be read, so what it deploys is not known: {}",
                skipped.path, skipped.why
            ),
        )),
    }
}

/// Every place that comes to declare an entry's version.
fn find(
    repo: &Repo,
    tree: Oid,
    settings: &Settings,
    (before, after): (&Catalog, &Catalog),
    rules: &Rules,
    found: &mut BTreeSet<Finding>,
) -> Result<(), Problem> {
    for (name, unit) in &after.units {
        for InForce { entry, lifted_here } in rules.get(&unit.service).into_iter().flatten() {
            let is_of =
                |place: &&Declared| entry.is_of(&unit.environment, &place.subject, &place.values);
            let now: Vec<&Declared> = unit.places.iter().filter(is_of).collect();
            let was = declared(before, name, &is_of);
            let is_among = |all: &[&Declared], place: &Declared| {
                all.iter().any(|other| {
                    other.id == place.id
                        && Identity::of(&other.values) == Identity::of(&place.values)
                })
            };
            let fresh: Vec<&&Declared> = now.iter().filter(|one| !is_among(&was, one)).collect();
            let gone = was.iter().filter(|one| !is_among(&now, one)).count();
            // As many as went away elsewhere only moved.
            if fresh.len() <= gone {
                continue;
            }
            for place in fresh {
                found.insert(Finding {
                    path: place.id.path.clone(),
                    line: line_of(repo, tree, settings, place)?,
                    service: unit.service.clone(),
                    environment: unit.environment.clone(),
                    subject: place.subject.clone(),
                    version: place.version.clone(),
                    since: entry.since,
                    until: entry.until,
                    reason: entry.reason.clone(),
                    incident: entry.incident.clone(),
                    by: entry.by.clone(),
                    lifted_here: *lifted_here,
                    quarantine: path_of(&unit.service),
                    lift: entry.lifted_by(&unit.service),
                });
            }
        }
    }
    Ok(())
}

fn declared<'c>(
    catalog: &'c Catalog,
    name: &UnitName,
    wanted: &dyn Fn(&&Declared) -> bool,
) -> Vec<&'c Declared> {
    let unit = catalog.units.get(name);
    let places = unit.into_iter().flat_map(|unit| &unit.places);
    places.filter(|place| wanted(place)).collect()
}

/// The line of the field that says the version.
fn line_of(
    repo: &Repo,
    tree: Oid,
    settings: &Settings,
    place: &Declared,
) -> Result<Option<usize>, Problem> {
    let path = &place.id.path;
    let Some(entry) = repo.entry(tree, path).map_err(from_repo)? else {
        return Ok(None);
    };
    let bytes = repo.blob(entry.id).map_err(from_repo)?;
    let declarations = survey::facts(settings, path, &bytes).declarations;
    let field = declarations
        .iter()
        .find(|declaration| declaration.key == place.id.key)
        .and_then(|declaration| {
            let names = |value: &str| value.contains(&place.version);
            let fields = &declaration.fields;
            fields.iter().find(|f| names(&f.value)).or(fields.first())
        });
    Ok(field.map(|field| {
        let before = &bytes[..field.span.start.min(bytes.len())];
        before.split(|byte| *byte == b'\n').count()
    }))
}
