//! What the tree at one commit declares.

use std::collections::BTreeSet;

use std::path::PathBuf;

use bstr::{BString, ByteSlice};
use ripcord_domain::config::{Config, FILE_NAME, Settings};
use ripcord_domain::plan::Plan;
use ripcord_domain::{
    Catalog, Kind, Problem, Reach, Service, catalog::CatalogBuilder, quarantine, reach,
};
use ripcord_git::{Entry, Interest, Mode, Oid, Repo};
use ripcord_manifest::{FieldPath, FileFacts, ReadRules};

use crate::index::Index;
use crate::problems::from_repo;

/// The branch of an infra repo that is deployed.
pub struct Branch {
    /// The repository.
    pub repo: Repo,
    /// The branch's name.
    pub name: String,
    /// Whether it is the one that a command without `--branch` works on.
    pub is_default: bool,
    /// The text of a configuration that takes the place of `ripcord.yaml` in the tree.
    pub configuration: Option<String>,
    /// The text of one that holds where the tree has none: that of the default branch, in a
    /// repository with a branch for each environment.
    pub inherited: Option<String>,
    /// Where what is learned about history is kept; none is nowhere.
    pub cache: Option<PathBuf>,
}

impl Branch {
    /// The same branch for another thread.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self {
            repo: self.repo.handle(),
            name: self.name.clone(),
            is_default: self.is_default,
            configuration: self.configuration.clone(),
            inherited: self.inherited.clone(),
            cache: self.cache.clone(),
        }
    }

    /// The tip as the remote has it now.
    ///
    /// # Errors
    /// The remote cannot be reached; a configuration that cannot be read.
    pub fn newest(&self) -> Result<Place, Problem> {
        let tip = self
            .repo
            .fetch_tip(&self.name, self.repo.depth())
            .map_err(from_repo)?;
        self.at(tip)
    }

    /// The same for the first of several steps that follow each other: the next one begins at this tip without
    /// asking again. Should the branch move in between, the push that ends them is refused and they begin anew.
    ///
    /// # Errors
    /// As [`Branch::newest`].
    pub fn newest_for_steps(&self) -> Result<Place, Problem> {
        let place = self.newest()?;
        self.repo.announce(&self.name, place.tip);
        Ok(place)
    }

    /// The branch at the tip that is known here; the remote is not asked.
    ///
    /// # Errors
    /// Nothing is known here.
    pub fn known(&self) -> Result<Place, Problem> {
        let known = self.repo.local_tip(&self.name).map_err(from_repo)?;
        let Some(tip) = known else {
            return Err(Problem::new(
                Kind::Remote,
                "nothing_known",
                format!("nothing of `{}` is known on this machine", self.name),
            ));
        };
        self.at(tip)
    }

    /// The branch as it is at a commit.
    ///
    /// # Errors
    /// A configuration that cannot be read is a usage problem: nothing is guessed around it.
    pub fn at(&self, tip: Oid) -> Result<Place, Problem> {
        let repo = &self.repo;
        let tree = repo.commit(tip).map_err(from_repo)?.tree;
        let settings = self.settings(tree)?;
        let index = self
            .cache
            .as_ref()
            .and_then(|folder| Index::open(folder, repo, &self.name, &settings));
        Ok(Place {
            branch: self.name.clone(),
            tip,
            tree,
            settings,
            index,
        })
    }

    /// What a tree is read with.
    fn settings(&self, tree: Oid) -> Result<Settings, Problem> {
        let own = match &self.configuration {
            Some(text) => Some(text.clone()),
            None => written(&self.repo, tree)?,
        };
        match own.as_ref().or(self.inherited.as_ref()) {
            Some(text) => Settings::parse(text),
            None => Ok(Settings::default()),
        }
    }

    /// The configuration that a plan was made with.
    ///
    /// # Errors
    /// Missing objects.
    pub fn config_of(&self, plan: &Plan) -> Result<Config, Problem> {
        Ok(self.settings(self.base_tree(plan)?)?.config)
    }

    /// The tree that a plan was made on.
    pub(crate) fn base_tree(&self, plan: &Plan) -> Result<Oid, Problem> {
        let base = self.repo.resolve(&plan.base).map_err(from_repo)?;
        Ok(self.repo.commit(base).map_err(from_repo)?.tree)
    }
}

/// The text of `ripcord.yaml` in a tree.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn written(repo: &Repo, tree: Oid) -> Result<Option<String>, Problem> {
    let entry = repo.entry(tree, FILE_NAME).map_err(from_repo)?;
    let Some(entry) = entry.filter(|entry| entry.mode.is_blob()) else {
        return Ok(None);
    };
    let bytes = repo.blob(entry.id).map_err(from_repo)?;
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Problem::new(
            Kind::Usage,
            "bad_configuration",
            format!("{FILE_NAME} is not UTF-8"),
        )
    })
}

/// A branch at a tip, and what is configured there.
pub struct Place {
    /// The branch.
    pub branch: String,
    /// The commit.
    pub tip: Oid,
    /// Its tree.
    pub tree: Oid,
    /// `ripcord.yaml` at the tip, or what takes its place.
    pub settings: Settings,
    /// What is known of the branch's history.
    pub index: Option<Index>,
}

/// Which part of a tree is read.
#[derive(Clone, Copy, Debug)]
pub enum Extent<'a> {
    /// All of it.
    Whole,
    /// What can be these services'. Who else builds on their shared files is not known then.
    Only(&'a BTreeSet<Service>),
}

impl Extent<'_> {
    fn reach(self, settings: &Settings, path: &[u8], is_folder: bool) -> Reach {
        let (Self::Only(services), Ok(path)) = (self, std::str::from_utf8(path)) else {
            return Reach::Certain;
        };
        reach(settings, path, is_folder, services)
    }
}

/// Reads every file of the extent that may declare something into a catalog.
///
/// # Errors
/// The repository cannot be read. Files that cannot be understood are listed in the catalog.
pub fn catalog(repo: &Repo, place: &Place, extent: Extent<'_>) -> Result<Catalog, Problem> {
    let settings = &place.settings;
    let files = files(repo, place, extent)?;
    let charts = chart_folders(
        files
            .iter()
            .filter_map(|(path, _)| std::str::from_utf8(path).ok()),
    );
    let mut wanted: Vec<(&str, Entry, Reach)> = Vec::new();
    for (path, entry) in &files {
        // A name that is not UTF-8 cannot be a manifest that Kubernetes tools read.
        let Ok(path) = std::str::from_utf8(path) else {
            continue;
        };
        let reach = extent.reach(settings, path.as_bytes(), false);
        if reach != Reach::Never
            && may_declare(settings, path, *entry)
            && !is_chart_template(&charts, path)
        {
            wanted.push((path, *entry, reach));
        }
    }
    repo.prefetch(wanted.iter().map(|(_, entry, _)| entry.id))
        .map_err(from_repo)?;
    let mut builder = CatalogBuilder::new(settings, &place.branch);
    for (path, entry, reach) in wanted {
        let bytes = repo.blob(entry.id).map_err(from_repo)?;
        if let (Reach::Possible, Extent::Only(services)) = (reach, extent)
            && !names_one(settings, services, path, &bytes)
        {
            continue;
        }
        builder.add(path, facts(settings, path, &bytes));
    }
    Ok(builder.finish())
}

/// The files of the extent, and perhaps some that are outside.
fn files(repo: &Repo, place: &Place, extent: Extent<'_>) -> Result<Vec<(BString, Entry)>, Problem> {
    let settings = &place.settings;
    // To look into every folder of a large tree takes longer than to go through the known names.
    if let (Extent::Only(_), Some(index)) = (extent, &place.index)
        && let Some(mut paths) = index.paths(repo, place.tip)?
    {
        retain_possible(&mut paths, |path, is_folder| {
            extent.reach(settings, path, is_folder) != Reach::Never
        });
        let there = repo.changes(None, place.tree, &Interest::files(paths));
        let there = there.map_err(from_repo)?.into_iter();
        return Ok(there
            .filter_map(|file| file.new.map(|entry| (file.path, entry)))
            .collect());
    }
    let enter = |folder: &[u8]| extent.reach(settings, folder, true) != Reach::Never;
    repo.files_where(place.tree, &enter).map_err(from_repo)
}

/// Keeps of sorted paths those that are possible; asks once for a folder that is not.
fn retain_possible(paths: &mut Vec<Vec<u8>>, is_possible: impl Fn(&[u8], bool) -> bool) {
    let (mut open, mut closed): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), None);
    paths.retain(|path| {
        if closed
            .as_ref()
            .is_some_and(|folder| path.starts_with(folder))
        {
            return false;
        }
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes {
            let folder = &path[..=at];
            if open.starts_with(folder) {
                continue;
            }
            if !is_possible(&path[..at], true) {
                closed = Some(folder.to_vec());
                return false;
            }
            open = folder.to_vec();
        }
        is_possible(path, false)
    });
}

/// The catalog of some services, and of everything where one of them is not found by convention.
///
/// # Errors
/// The repository cannot be read.
pub fn catalog_of(repo: &Repo, place: &Place, names: &[&str]) -> Result<Catalog, Problem> {
    let services: BTreeSet<Service> = names
        .iter()
        .map(|name| place.settings.service(name))
        .collect();
    let some = catalog(repo, place, Extent::Only(&services))?;
    let all_there = services
        .iter()
        .all(|service| some.units.keys().any(|(s, _)| s == service));
    if all_there {
        Ok(some)
    } else {
        catalog(repo, place, Extent::Whole)
    }
}

/// Whether a file can be one of these services' by its own name or by an object's in it.
fn names_one(settings: &Settings, services: &BTreeSet<Service>, path: &str, bytes: &[u8]) -> bool {
    services
        .iter()
        .flat_map(|service| settings.names_of(service))
        .any(|name| path.contains(name) || bytes.find(name.as_bytes()).is_some())
}

/// What a file says.
pub fn facts(settings: &Settings, path: &str, bytes: &[u8]) -> FileFacts {
    ripcord_manifest::read(path, bytes, &rules(settings, path))
}

/// The rules by which a file is read.
pub fn rules(settings: &Settings, path: &str) -> ReadRules {
    match settings.version_fields(path) {
        None => ReadRules::default(),
        Some([]) => ReadRules {
            version_fields: Vec::new(),
            plain_text_version: true,
        },
        Some(fields) => ReadRules {
            version_fields: fields
                .iter()
                .filter_map(|f| f.parse::<FieldPath>().ok())
                .collect(),
            plain_text_version: false,
        },
    }
}

/// Whether a file may declare a version, by its name and kind alone.
pub fn may_declare(settings: &Settings, path: &str, entry: Entry) -> bool {
    if !matches!(entry.mode, Mode::Blob | Mode::Exec) {
        return false;
    }
    if quarantine::is_ours(path) {
        return false;
    }
    if settings.version_fields(path).is_some() {
        return true;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    // Pipelines and editors have YAML of their own, with images that no cluster runs.
    let tooling =
        path.starts_with(".github/") || path.starts_with(".gitlab") || path.contains("/.github/");
    if tooling || file.starts_with('.') || file == FILE_NAME || is_lock(file) {
        return false;
    }
    match file.rsplit_once('.') {
        Some((_, "yaml" | "yml" | "json")) => true,
        None => file == "Kustomization" || path.split('/').any(|folder| folder == "image-tags"),
        Some(_) => path
            .split('/')
            .rev()
            .skip(1)
            .any(|folder| folder == "image-tags"),
    }
}

fn is_lock(file: &str) -> bool {
    matches!(
        file,
        "package.json"
            | "package-lock.json"
            | "renovate.json"
            | "Chart.lock"
            | "pnpm-lock.yaml"
            | "mkdocs.yml"
    )
}

/// The folders that hold a `Chart.yaml`.
fn chart_folders<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    paths
        .filter_map(|path| path.strip_suffix("/Chart.yaml"))
        .collect()
}

/// Helm templates are text: what stands there is decided by values elsewhere.
fn is_chart_template(charts: &BTreeSet<&str>, path: &str) -> bool {
    path.match_indices("/templates/")
        .any(|(at, _)| charts.contains(&path[..at]))
}
