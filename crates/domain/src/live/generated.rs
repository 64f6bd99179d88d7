//! ApplicationSets: which of the Applications that one made it makes from given parameters.
//!
//! A template is not rendered as Argo CD does it; it is told apart by what an Application cannot change
//! without being another one: name, project, destination, paths. An expression that is no plain parameter
//! may stand for anything. Sources:
//! <https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Template/>,
//! <https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-Git/>.

use ripcord_manifest::{DeclarationKey, FieldPath, Step};
use serde_json::Value;

use crate::live::application::{AppName, Application};
use crate::live::glob::{fits, literal};

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationSet {
    /// Which; what it makes lies in the same namespace.
    pub name: AppName,
    /// What it makes.
    pub template: Identity,
    /// The files that it takes parameters from.
    pub files: Vec<WatchedFiles>,
}

/// Files of a repository that parameters stand in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchedFiles {
    /// The repository's URL.
    pub repository: String,
    /// The branch, tag or commit.
    pub target: String,
    /// Which, as a glob.
    pub path: String,
}

/// What makes an Application this one and no other; in a template, with expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// Its destination: server, name, namespace.
    pub destination: [String; 3],
    /// The path of each source, empty where there is none.
    pub paths: Vec<String>,
}

/// From what one Application is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    /// What a list's element or a file says.
    pub values: Value,
    /// The file, where it is one.
    pub file: Option<String>,
}

/// Parameters of a set: those that a change touches, and all others that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// Those that are touched.
    pub own: Vec<Params>,
    /// Those that are not.
    pub others: Vec<Params>,
}

impl Params {
    /// What a file says.
    ///
    /// # Errors
    /// It is neither YAML nor JSON, or no mapping: then one file makes several Applications.
    pub fn of_file(path: &str, text: &str) -> Result<Self, String> {
        let values: Value = serde_saphyr::from_str(text)
            .map_err(|error| format!("{path} cannot be read: {error}"))?;
        if !values.is_object() {
            return Err(format!(
                "{path} is no mapping: which Application is made from which part of it is not known"
            ));
        }
        Ok(Self {
            values,
            file: Some(path.to_owned()),
        })
    }

    fn of_element(values: &Value) -> Self {
        Self {
            values: values.clone(),
            file: None,
        }
    }

    /// The value of an expression; none where it is no plain parameter, or not one of these.
    fn value(&self, expression: &str) -> Option<String> {
        let plain = expression.trim_matches(|c: char| c == '-' || c.is_whitespace());
        if let Some(at) = plain.strip_prefix("index .path.segments ") {
            return self.segment(at.trim());
        }
        let name = plain.strip_prefix('.').unwrap_or(plain);
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '[' | ']');
        if name.is_empty() || !name.chars().all(is_plain) {
            return None;
        }
        if let Some(of_path) = name.strip_prefix("path").filter(|_| self.file.is_some()) {
            return self.of_path(of_path);
        }
        let found = name
            .split('.')
            .try_fold(&self.values, |value, key| value.get(key));
        match found? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is) => Some(is.to_string()),
            _ => None,
        }
    }

    /// What is known of where the file is.
    fn of_path(&self, part: &str) -> Option<String> {
        let (folder, name) = self.place()?;
        let base = folder.rsplit('/').next().unwrap_or(folder);
        match part {
            "" | ".path" => Some(folder.to_owned()),
            ".basename" => Some(base.to_owned()),
            ".filename" => Some(name.to_owned()),
            ".basenameNormalized" => Some(normalized(base)),
            ".filenameNormalized" => Some(normalized(name)),
            _ => self.segment(part.strip_prefix('[')?.strip_suffix(']')?),
        }
    }

    fn segment(&self, at: &str) -> Option<String> {
        let (folder, _) = self.place()?;
        folder.split('/').nth(at.parse().ok()?).map(str::to_owned)
    }

    /// The folder and the name of the file.
    fn place(&self) -> Option<(&str, &str)> {
        let file = self.file.as_deref()?;
        Some(file.rsplit_once('/').unwrap_or(("", file)))
    }

    /// A text of a template as a glob: what is not known may be anything.
    fn glob(&self, text: &str) -> String {
        let mut glob = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            glob.push_str(&literal(before));
            let Some((expression, after)) = after.split_once("}}") else {
                return glob + "*";
            };
            match self.value(expression) {
                Some(value) => glob.push_str(&literal(&value)),
                None => glob.push('*'),
            }
            rest = after;
        }
        glob + &literal(rest)
    }
}

/// A name as Kubernetes allows it.
fn normalized(name: &str) -> String {
    let is_allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let name: String = name
        .to_lowercase()
        .chars()
        .map(|c| if is_allowed(c) { c } else { '-' })
        .take(253)
        .collect();
    name.trim_matches(['-', '.']).to_owned()
}

impl Identity {
    /// That of an Application.
    fn of(app: &Application) -> Self {
        let to = &app.destination;
        Self {
            name: app.name.name.clone(),
            project: app.project.clone(),
            destination: [&to.server, &to.name, &to.namespace].map(Clone::clone),
            paths: app
                .sources
                .iter()
                .map(|source| source.path.clone().unwrap_or_default())
                .collect(),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        [&self.name, &self.project]
            .into_iter()
            .chain(&self.destination)
            .chain(&self.paths)
    }

    /// Whether these parameters may have made it.
    fn fits(&self, params: &Params, made: &Self) -> bool {
        self.paths.len() == made.paths.len()
            && self
                .texts()
                .zip(made.texts())
                // What the template leaves open may be set by a patch.
                .all(|(text, is)| text.is_empty() || fits(&params.glob(text), is))
    }
}

impl ApplicationSet {
    /// Whether these parameters say the whole name of what they make: then it is nobody else.
    pub fn is_named_by(&self, params: &Params) -> bool {
        let glob = params.glob(&self.template.name);
        !self.template.name.is_empty() && !glob.contains('*')
    }

    /// The Applications of this set that are made from the touched parameters.
    ///
    /// # Errors
    /// One of them may as well be made from others, as far as the template tells.
    pub fn made_from<'a>(
        &self,
        fed: &Fed,
        apps: &'a [Application],
    ) -> Result<Vec<&'a Application>, String> {
        let fits =
            |params: &Params, app: &Application| self.template.fits(params, &Identity::of(app));
        let made = |app: &&Application| {
            app.application_set.as_deref() == Some(self.name.name.as_str())
                && app.name.namespace == self.name.namespace
                && fed.own.iter().any(|params| fits(params, app))
        };
        let made: Vec<&Application> = apps.iter().filter(made).collect();
        let unclear = made
            .iter()
            .find(|app| fed.others.iter().any(|other| fits(other, app)));
        match unclear {
            Some(app) => Err(format!(
                "from which parameters ApplicationSet {} makes {} is not told by its template: name, project, destination and paths may be those of others too",
                self.name, app.name
            )),
            None => Ok(made),
        }
    }
}

/// The elements of a set's lists in its manifest: those that these declarations stand in, and the others.
/// What stands in the template touches all.
///
/// # Errors
/// The manifest cannot be read, or does not have the set or what is declared in it.
pub fn elements(text: &str, set: &str, declared: &[&DeclarationKey]) -> Result<Fed, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| format!("the manifest of ApplicationSet {set} cannot be read: {error}"))?;
    let object = documents
        .iter()
        .find(|object| object["kind"] == "ApplicationSet" && object["metadata"]["name"] == set)
        .ok_or_else(|| format!("the manifest of ApplicationSet {set} was not found"))?;
    let mut touched: Vec<&Value> = Vec::new();
    for key in declared {
        match element_of(object, key) {
            Some(Some(element)) => touched.push(element),
            // Every Application has it.
            Some(None) => {
                return Ok(Fed {
                    own: vec![Params::default()],
                    others: Vec::new(),
                });
            }
            None => return Err(format!("{} was not found", key.as_str())),
        }
    }
    let lists = generators(&object["spec"]["generators"]).into_iter();
    let all = lists.filter_map(|generator| generator["list"]["elements"].as_array());
    let is_touched = |one: &&Value| touched.iter().any(|own| std::ptr::eq(*own, *one));
    let (own, others): (Vec<&Value>, Vec<&Value>) = all.flatten().partition(is_touched);
    let params = |found: Vec<&Value>| found.into_iter().map(Params::of_element).collect();
    Ok(Fed {
        own: params(own),
        others: params(others),
    })
}

/// Every generator of a set, also those that others combine.
pub fn generators(of: &Value) -> Vec<&Value> {
    let each = of.as_array().into_iter().flatten();
    each.flat_map(|generator| {
        let combined = ["matrix", "merge"].map(|way| generators(&generator[way]["generators"]));
        std::iter::once(generator).chain(combined.into_iter().flatten())
    })
    .collect()
}

/// The element that a declaration stands in, or none where it stands in no list; nothing where it is not
/// there.
#[expect(
    clippy::option_option,
    reason = "not in a list is not the same as not there"
)]
fn element_of<'a>(object: &'a Value, key: &DeclarationKey) -> Option<Option<&'a Value>> {
    let (_, path) = key.as_str().split_once(':')?;
    let path: FieldPath = path.parse().ok()?;
    let mut at = object;
    let mut in_list = false;
    for step in path.steps() {
        at = match step {
            Step::Key(key) => at.get(key)?,
            Step::Index(index) => at.get(index)?,
            Step::Entry { field, value } => {
                let field = field.as_deref().unwrap_or("name");
                at.as_array()?
                    .iter()
                    .find(|entry| entry[field] == **value)?
            }
        };
        if in_list {
            return Some(Some(at));
        }
        in_list = matches!(step, Step::Key(key) if key == "elements");
    }
    Some(None)
}

#[cfg(test)]
mod tests;
