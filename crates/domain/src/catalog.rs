//! Which versions a tree declares, sorted by service and environment.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_manifest::{DeclarationKey, DeclarationKind, FileFacts, Reference, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::layout::{self, Owner};
use crate::names::{Environment, Service, nearest};
use crate::problem::{Kind, Problem};

/// A service in an environment.
pub type UnitName = (Service, Environment);

/// Where a version stands: a file and the address inside it, stable while values change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId {
    /// The file, from the root of the repository.
    pub path: String,
    /// The declaration inside the file.
    pub key: DeclarationKey,
}

/// One value that makes up a version: a tag, a digest, the image's name.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// What the value is, in one word.
    pub role: String,
    /// As the file has it, without quotes.
    pub value: String,
}

/// A declared version of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it stands.
    pub id: PlaceId,
    /// What kind of declaration it is.
    pub kind: DeclarationKind,
    /// What the version is of: an image, a chart, a field.
    pub subject: String,
    /// What a person calls the version.
    pub version: String,
    /// Everything that a change of version may change.
    pub values: Vec<Value>,
    /// Whether it stands in a base or a default that the environment builds on.
    pub inherited: bool,
    /// The other units that run what this place says.
    pub shared_with: Vec<UnitName>,
}

impl Place {
    /// The name of the image that is pulled: what it is renamed to where it is, as by `newName` of a kustomization,
    /// else the subject.
    pub fn image_name(&self) -> &str {
        let renamed = self.values.iter().find(|value| value.role == "name");
        let renamed = renamed.map(|value| value.value.as_str());
        renamed
            .filter(|name| !name.is_empty())
            .unwrap_or(&self.subject)
    }
}

/// A service in an environment with the places that decide what it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// At least one place, the one a person would call *the* version first.
    pub places: Vec<Place>,
}

impl Unit {
    /// The version a person would name.
    pub fn version(&self) -> &str {
        self.places.first().map_or("", |place| &place.version)
    }

    /// The unit's name.
    pub fn name(&self) -> UnitName {
        (self.service.clone(), self.environment.clone())
    }
}

/// A file that could not be read, or a declaration that belongs to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    pub path: String,
    /// What is wrong, with a line where there is one.
    pub why: String,
}

/// Everything that a tree declares.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Every service in every environment.
    pub units: BTreeMap<UnitName, Unit>,
    /// Files that could not be read.
    pub unreadable: Vec<Skipped>,
    /// Declarations whose service the layout does not tell.
    pub unowned: Vec<Skipped>,
    environments_of: BTreeMap<Service, BTreeSet<Environment>>,
    /// For every file with versions, whose they are.
    declared_in: BTreeMap<String, BTreeSet<UnitName>>,
}

/// One file's part of the catalog, before files are put together.
#[derive(Clone, Debug)]
struct Found {
    place: Place,
    owner: Owner,
}

/// Puts files together into a [`Catalog`].
#[derive(Debug)]
pub struct CatalogBuilder<'a> {
    settings: &'a Settings,
    /// The environment of everything that names none: the branch's.
    branch_environment: Option<Environment>,
    found: Vec<Found>,
    /// Folder of a kustomization to the paths it builds on, and whose it is.
    kustomizations: BTreeMap<String, (Owner, Vec<String>)>,
    catalog: Catalog,
}

impl<'a> CatalogBuilder<'a> {
    /// Starts with nothing.
    pub fn new(settings: &'a Settings, branch: &str) -> Self {
        Self {
            settings,
            branch_environment: settings.environment_of_branch(branch),
            found: Vec::new(),
            kustomizations: BTreeMap::new(),
            catalog: Catalog::default(),
        }
    }

    /// Adds what one file says.
    pub fn add(&mut self, path: &str, facts: FileFacts) {
        for problem in &facts.problems {
            self.catalog.unreadable.push(Skipped {
                path: path.to_owned(),
                why: format!("line {}: {}", problem.line, problem.message),
            });
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let builds_on: Vec<String> = facts
            .references
            .iter()
            .filter_map(|reference| match reference {
                Reference::KustomizeResource(to)
                | Reference::KustomizeComponent(to)
                | Reference::KustomizeBase(to) => resolve(folder, to),
                _ => None,
            })
            .collect();
        if is_kustomization(path) {
            let owner = layout::owner_of_path(self.settings, path);
            self.kustomizations
                .insert(folder.to_owned(), (owner, builds_on));
        }
        for declaration in facts.declarations {
            let owner = layout::owner(self.settings, path, &declaration);
            let place = Place {
                id: PlaceId {
                    path: path.to_owned(),
                    key: declaration.key.clone(),
                },
                kind: declaration.kind,
                version: declaration.version(),
                values: declaration
                    .fields
                    .iter()
                    .map(|field| Value {
                        role: role_word(field.role).to_owned(),
                        value: field.value.clone(),
                    })
                    .collect(),
                subject: declaration.subject,
                inherited: false,
                shared_with: Vec::new(),
            };
            self.found.push(Found { place, owner });
        }
    }

    /// The catalog of all files added.
    pub fn finish(mut self) -> Catalog {
        let users = self.users_of_folders();
        let mut environments: BTreeMap<Service, BTreeSet<Environment>> = BTreeMap::new();
        for owner in self
            .found
            .iter()
            .map(|f| &f.owner)
            .chain(self.kustomizations.values().map(|(o, _)| o))
        {
            if let (Some(service), Some(environment)) = (&owner.service, &owner.environment) {
                environments
                    .entry(service.clone())
                    .or_default()
                    .insert(environment.clone());
            }
        }
        let unnamed = self
            .branch_environment
            .clone()
            .unwrap_or_else(|| Environment::new(Environment::UNNAMED));
        let mut own: BTreeMap<UnitName, Vec<Place>> = BTreeMap::new();
        let mut inherited: BTreeMap<UnitName, Vec<Place>> = BTreeMap::new();
        for Found { place, owner } in self.found {
            let folder = place
                .id
                .path
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let users = users.get(folder).filter(|users| !users.is_empty());
            match (owner.service, owner.environment, users) {
                (Some(service), Some(environment), _) => {
                    own.entry((service, environment)).or_default().push(place);
                }
                // A base: whoever builds on it runs it.
                (_, None, Some(users)) => {
                    for user in users {
                        inherited
                            .entry(user.clone())
                            .or_default()
                            .push(place.clone());
                    }
                }
                (Some(service), None, None) => {
                    let all = environments.entry(service.clone()).or_default();
                    if all.is_empty() {
                        own.entry((service, unnamed.clone()))
                            .or_default()
                            .push(place);
                    } else {
                        for environment in all.iter() {
                            inherited
                                .entry((service.clone(), environment.clone()))
                                .or_default()
                                .push(place.clone());
                        }
                    }
                }
                (None, ..) => self.catalog.unowned.push(Skipped {
                    path: place.id.path.clone(),
                    why: format!(
                        "no service is named for {} {}",
                        place.subject, place.version
                    ),
                }),
            }
        }
        for (name, places) in inherited {
            let mine = own.entry(name).or_default();
            for place in places {
                if !mine.iter().any(|other| overrides(other, &place)) {
                    mine.push(Place {
                        inherited: true,
                        ..place
                    });
                }
            }
        }
        self.catalog.units = sorted_units(own);
        for (service, environment) in self.catalog.units.keys() {
            environments
                .entry(service.clone())
                .or_default()
                .insert(environment.clone());
        }
        self.catalog.environments_of = environments;
        for unit in self.catalog.units.values() {
            for place in &unit.places {
                let holders = self
                    .catalog
                    .declared_in
                    .entry(place.id.path.clone())
                    .or_default();
                holders.insert(unit.name());
            }
        }
        self.catalog
    }

    /// For every folder with a kustomization: the units whose environment builds on it, however
    /// many steps away.
    fn users_of_folders(&self) -> BTreeMap<String, BTreeSet<UnitName>> {
        let mut users: BTreeMap<String, BTreeSet<UnitName>> = BTreeMap::new();
        for (folder, (owner, _)) in &self.kustomizations {
            let (Some(service), Some(environment)) = (&owner.service, &owner.environment) else {
                continue;
            };
            let mut seen = BTreeSet::from([folder.as_str()]);
            let mut open = vec![folder.as_str()];
            while let Some(at) = open.pop() {
                let Some((_, builds_on)) = self.kustomizations.get(at) else {
                    continue;
                };
                for next in builds_on {
                    // A resource may be a single file; whose folder it lies in then counts.
                    let next_folder = match self.kustomizations.get_key_value(next.as_str()) {
                        Some((folder, _)) => folder.as_str(),
                        None => next.rsplit_once('/').map_or("", |(folder, _)| folder),
                    };
                    if seen.insert(next_folder) {
                        users
                            .entry(next_folder.to_owned())
                            .or_default()
                            .insert((service.clone(), environment.clone()));
                        open.push(next_folder);
                    }
                }
            }
        }
        users
    }
}

impl Catalog {
    /// The unit that a person means.
    ///
    /// # Errors
    /// An unknown service or environment, with the nearest names; an environment that several
    /// answer to.
    pub fn find(
        &self,
        settings: &Settings,
        service: &str,
        environment: Option<&str>,
    ) -> Result<&Unit, Problem> {
        let wanted = settings.service(service);
        let units: Vec<&Unit> = self
            .units
            .values()
            .filter(|unit| unit.service == wanted)
            .collect();
        if units.is_empty() {
            let names = nearest(service, self.units.keys().map(|(s, _)| s.as_str()));
            return Err(Problem::new(Kind::Usage, "unknown_service", format!("no service `{service}` is declared here"))
                .did_you_mean(&names)
                .hint("`ripcord status` lists every service; `ripcord init --print` shows how they were found"));
        }
        let asked = environment.map_or_else(
            || settings.default_environment(),
            |e| settings.environment(e),
        );
        let exact: Vec<&&Unit> = units
            .iter()
            .filter(|unit| unit.environment == asked)
            .collect();
        let matching: Vec<&&Unit> = if exact.is_empty() {
            units
                .iter()
                .filter(|unit| unit.environment.answers_to(asked.as_str()))
                .collect()
        } else {
            exact
        };
        let listed = || {
            units
                .iter()
                .map(|u| u.environment.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match matching.as_slice() {
            [unit] => Ok(unit),
            // Nothing to choose between, and nobody named another.
            [] if environment.is_none() && units.len() == 1 => Ok(units[0]),
            [] => Err(Problem::new(
                Kind::Usage,
                "unknown_environment",
                format!("`{wanted}` does not run in `{asked}` here; it runs in: {}", listed()),
            )
            .did_you_mean(&nearest(asked.as_str(), units.iter().map(|u| u.environment.as_str())))
            .hint(format!("name one of them, or write `aliases: {{environments: {{{asked}: …}}}}` in ripcord.yaml"))),
            several => Err(Problem::new(
                Kind::Usage,
                "ambiguous_environment",
                format!(
                    "`{asked}` can mean several environments of `{wanted}`: {}",
                    several.iter().map(|u| u.environment.as_str()).collect::<Vec<_>>().join(", ")
                ),
            )
            .hint("name one of them in full")),
        }
    }

    /// The units that have a version in a file.
    pub fn declaring(&self, path: &str) -> impl Iterator<Item = &Unit> {
        self.declared_in
            .get(path)
            .into_iter()
            .flatten()
            .filter_map(|name| self.units.get(name))
    }

    /// The units to which a file belongs, by the versions in it or by where it lies.
    pub fn holders(&self, settings: &Settings, path: &str) -> BTreeSet<UnitName> {
        let mut holders = self.declared_in.get(path).cloned().unwrap_or_default();
        let owner = layout::owner_of_path(settings, path);
        match (owner.service, owner.environment) {
            (Some(service), Some(environment)) => {
                holders.insert((service, environment));
            }
            (Some(service), None) => {
                let all = self.environments_of.get(&service).into_iter().flatten();
                holders.extend(all.map(|environment| (service.clone(), environment.clone())));
            }
            _ => {}
        }
        holders
    }
}

/// Sorts each unit's places so that *the* version comes first, and notes who shares each place.
fn sorted_units(all: BTreeMap<UnitName, Vec<Place>>) -> BTreeMap<UnitName, Unit> {
    let mut holders: BTreeMap<PlaceId, Vec<UnitName>> = BTreeMap::new();
    for (name, places) in &all {
        for place in places {
            holders
                .entry(place.id.clone())
                .or_default()
                .push(name.clone());
        }
    }
    all.into_iter()
        .map(|((service, environment), mut places)| {
            for place in &mut places {
                let all = holders.get(&place.id).into_iter().flatten();
                place.shared_with = all
                    .filter(|name| (&name.0, &name.1) != (&service, &environment))
                    .cloned()
                    .collect();
            }
            places.sort_by_key(|place| {
                (
                    place.inherited,
                    prominence(place, &service),
                    place.id.clone(),
                )
            });
            (
                (service.clone(), environment.clone()),
                Unit {
                    service,
                    environment,
                    places,
                },
            )
        })
        .collect()
}

/// How near a place is to what a person calls the service's version; smaller is nearer.
fn prominence(place: &Place, service: &Service) -> (u8, u8) {
    let last = place.subject.rsplit('/').next().unwrap_or_default();
    let by_name = if last == service.as_str() {
        0
    } else if last.contains(service.as_str()) || service.as_str().contains(last) && !last.is_empty()
    {
        1
    } else {
        2
    };
    let by_kind = match place.kind {
        DeclarationKind::ChartDependency => 3,
        DeclarationKind::FluxSource => 1,
        _ => 0,
    };
    (by_name, by_kind)
}

/// Whether the environment's own place takes the place of a shared one.
fn overrides(own: &Place, shared: &Place) -> bool {
    own.id == shared.id
        || (own.subject == shared.subject && !own.subject.is_empty())
        || (own.kind == shared.kind && own.id.key == shared.id.key)
}

fn is_kustomization(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    matches!(
        file,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// A relative path from a folder, normalised; `None` for remote ones and ones that leave the tree.
pub fn resolve(folder: &str, to: &str) -> Option<String> {
    if to.contains("://") || to.starts_with('/') || to.starts_with("git@") || to.contains("?ref=") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The word for a role in stored and printed data.
pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Image => "image",
        Role::Name => "name",
        Role::Tag => "tag",
        Role::Digest => "digest",
        Role::Revision => "revision",
        Role::Chart => "chart",
        Role::Other => "value",
    }
}

#[cfg(test)]
mod tests;
