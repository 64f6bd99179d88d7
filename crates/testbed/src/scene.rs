//! Scenes: an infra repo with a month of history and Applications on it.
//!
//! `testbed/scenes/infra` is the tree of the repository, `testbed/scenes/objects/NAME.yaml` what a scene
//! puts into the cluster. In both `${name}`, `${repository}`, `${server}`, `${responder}` stand for what
//! differs from one use to another, and `${version}` for the version that a service runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::{Timestamp, ToSpan as _};
use kube::api::{DeleteParams, ListParams};
use ripcord_testkit::{Commit, InfraRepo, Scratch};
use serde_json::Value;

use crate::application::Application;
use crate::argocd::NAMESPACE;
use crate::bed::Testbed;
use crate::objects::says_ready;
use crate::traffic::Traffic;

/// The cluster in which Argo CD itself runs, as Argo CD calls it.
const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// Who deploys, in turn.
const PEOPLE: &[(&str, &str)] = &[
    ("Priya Nair", "priya@acme.example"),
    ("Deploy Bot", "bot@acme.example"),
    ("Tomás Silva", "tomas@acme.example"),
];

/// Versions that each service had in the month, one every other day.
const VERSIONS: u32 = 14;

/// How long an Application may take to settle.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);

/// A scene that is set.
pub struct Scene<'a> {
    bed: &'a Testbed,
    name: String,
    server: String,
    repository: String,
    infra: InfraRepo,
    applications: Vec<String>,
    _scratch: Scratch,
}

/// What is said of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSeen {
    /// The version of its first container.
    pub version: String,
    /// Whether it is ready.
    pub ready: bool,
}

fn seen(pod: &Value) -> PodSeen {
    let image = &pod["spec"]["containers"][0]["image"];
    PodSeen {
        version: version(image.as_str().unwrap_or_default()).to_owned(),
        ready: says_ready(pod),
    }
}

/// The tag of an image.
fn version(image: &str) -> &str {
    image.rsplit(':').next().unwrap_or_default()
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testbed/scenes")).to_path_buf()
}

/// The scenes that there are.
///
/// # Errors
/// Their folder cannot be read.
pub fn scenes() -> Result<Vec<String>> {
    let folder = folder().join("objects");
    let listed = fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
    let mut names: Vec<String> = listed
        .filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

impl<'a> Scene<'a> {
    /// Makes the repository `NAME.git` with its history and applies the objects of a scene; `name` is
    /// also the namespace of what runs, and the Application's.
    ///
    /// # Errors
    /// There is no such scene; something is refused.
    pub fn set(bed: &'a Testbed, scene: &str, name: &str) -> Result<Self> {
        Self::set_on(bed, scene, name, IN_CLUSTER)
    }

    /// The same with what runs in another cluster that Argo CD knows.
    ///
    /// # Errors
    /// As for [`Scene::set`].
    pub fn set_on(bed: &'a Testbed, scene: &str, name: &str, server: &str) -> Result<Self> {
        let path = folder().join("objects").join(format!("{scene}.yaml"));
        let Ok(objects) = fs::read_to_string(&path) else {
            bail!("no scene `{scene}`; there are {}", scenes()?.join(", "));
        };
        let scratch = Scratch::new()?;
        let repository = format!("{name}.git");
        let infra = InfraRepo::open(&scratch, &bed.git().create(&repository)?)?;
        let mut set = Self {
            bed,
            name: name.to_owned(),
            server: server.to_owned(),
            repository: bed.url_for_argocd(&repository)?,
            infra,
            applications: Vec::new(),
            _scratch: scratch,
        };
        set.write_history()?;
        let objects = set.filled(&objects, "");
        let objects: Vec<Value> = serde_saphyr::from_multiple(&objects)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        for object in &objects {
            bed.block_on(bed.objects().apply_object(object))?;
            let meta = &object["metadata"];
            if object["kind"] == "Application" {
                set.applications.extend(full_name(meta));
            }
            let children = meta["annotations"]["testbed.ripcord/applications"].as_str();
            let children = children.unwrap_or_default().split_whitespace();
            set.applications.extend(children.map(str::to_owned));
        }
        Ok(set)
    }

    /// The namespace of what runs, and the name of its Application.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The repository, to commit to as others do.
    pub fn infra(&mut self) -> &mut InfraRepo {
        &mut self.infra
    }

    /// Its URL as Argo CD knows it.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Commits a deploy of a version, as a person would; the commit's id. Nobody is told.
    ///
    /// # Errors
    /// The service declares no version.
    pub fn deploy(&mut self, service: &str, version: &str) -> Result<String> {
        self.commit_of(service, version, 0, now()?)?.land()
    }

    fn commit_of(
        &mut self,
        service: &str,
        version: &str,
        turn: usize,
        at: Timestamp,
    ) -> Result<Commit<'_>> {
        let tree = folder().join("infra");
        let mut declared = false;
        for path in files(&tree.join("services").join(service))? {
            let text = read(&path)?;
            if text.contains("${version}") {
                declared = true;
                let text = self.filled(&text, version);
                self.infra.write(&within(&tree, &path)?, text);
            }
        }
        ensure!(declared, "{service} declares no version");
        let (name, email) = PEOPLE[turn % PEOPLE.len()];
        let commit = self
            .infra
            .commit(&format!("Deploy {service} {version} to production"));
        Ok(commit.by(name, email).at(&at.to_string()))
    }

    /// The tree with the first versions, then a month of deploys.
    fn write_history(&mut self) -> Result<()> {
        let tree = folder().join("infra");
        for path in files(&tree)? {
            let text = self.filled(&read(&path)?, "v1");
            self.infra.write(&within(&tree, &path)?, text);
        }
        let mut at = now()?.checked_sub((24 * 30).hours())?;
        let (name, email) = PEOPLE[0];
        self.infra
            .commit("Lay out the infra repo")
            .by(name, email)
            .at(&at.to_string())
            .queue()?;
        let services = services(&tree)?;
        let mut turn = 0;
        for version in 2..=VERSIONS {
            for service in &services {
                at = at.checked_add(5.hours())?;
                self.commit_of(service, &format!("v{version}"), turn, at)?
                    .queue()?;
                turn += 1;
            }
        }
        self.infra.land_queued().map(drop)
    }

    fn filled(&self, text: &str, version: &str) -> String {
        text.replace("${name}", &self.name)
            .replace("${repository}", &self.repository)
            .replace("${server}", &self.server)
            .replace("${responder}", &self.bed.responder())
            .replace("${version}", version)
    }

    /// Its Application.
    pub fn application(&self) -> Application<'a> {
        Application::new(self.bed, &self.name)
    }

    /// The pods of a service, those that are ending too.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn pods(&self, service: &str) -> Result<Vec<PodSeen>> {
        let params = ListParams::default().labels(&format!("app={service}"));
        self.bed.block_on(async {
            let objects = self.bed.objects();
            let api = objects.api("v1", "Pod", Some(&self.name)).await?;
            let listed = api.list(&params).await?;
            Ok(listed.items.iter().map(|pod| seen(&pod.data)).collect())
        })
    }

    /// An object of the namespace.
    ///
    /// # Errors
    /// There is none, or the API server does not answer.
    pub fn object(&self, api_version: &str, kind: &str, name: &str) -> Result<Value> {
        self.bed.block_on(async {
            let objects = self.bed.objects();
            let api = objects.api(api_version, kind, Some(&self.name)).await?;
            Ok(serde_json::to_value(api.get(name).await?)?)
        })
    }

    /// The version that a service's Deployment shall run.
    ///
    /// # Errors
    /// There is no such Deployment.
    pub fn version(&self, service: &str) -> Result<String> {
        let found = self.object("apps/v1", "Deployment", service)?;
        let image = found["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
        Ok(version(image.unwrap_or_default()).to_owned())
    }

    /// Runs kubectl in the namespace, as a person would; what it says.
    ///
    /// # Errors
    /// What kubectl says when it fails.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.bed.kubectl(&self.name, args)
    }

    /// Begins to ask a service as its users do.
    pub fn traffic(&self, service: &str) -> Traffic<'a> {
        Traffic::start(self.bed, &self.name, service)
    }

    /// Asks Argo CD to compare now, as a refresh button does.
    ///
    /// # Errors
    /// There is no such Application.
    pub fn refresh(&self) -> Result<()> {
        for application in &self.applications {
            Application::new(self.bed, application).refresh()?;
        }
        Ok(())
    }

    /// Closes the scene's project with a deny window that lets manual syncs pass, or takes its windows
    /// away.
    ///
    /// # Errors
    /// The scene has no project of its own.
    pub fn close_project(&self, closed: bool) -> Result<()> {
        let windows = if closed {
            serde_json::json!([{
                "kind": "deny", "schedule": "* * * * *", "duration": "1h",
                "applications": ["*"], "manualSync": true,
            }])
        } else {
            Value::Null
        };
        let project = serde_json::json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {"syncWindows": windows},
        });
        self.bed.block_on(self.bed.objects().merge_object(&project))
    }

    /// Tells Argo CD of a push, as a forge's webhook does.
    ///
    /// # Errors
    /// Argo CD does not take it.
    pub fn notify(&self, commit: &str) -> Result<()> {
        let address = self.bed.argocd_address()?;
        let push = serde_json::json!({
            "ref": "refs/heads/main",
            "after": commit,
            "repository": {
                "html_url": self.repository,
                "clone_url": self.repository,
                "default_branch": "main",
            },
            "commits": [],
        });
        self.bed.block_on(async {
            let sent = self
                .bed
                .http()
                .post(format!("http://{address}/api/webhook"))
                .header("X-GitHub-Event", "push")
                .json(&push)
                .send();
            sent.await?.error_for_status()?;
            Ok(())
        })
    }

    /// Takes the Applications and the namespace away and does not wait for their end.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn end(self) -> Result<()> {
        let params = DeleteParams::default();
        self.bed.block_on(async {
            for application in &self.applications {
                Application::new(self.bed, application).delete().await?;
            }
            let objects = self.bed.objects();
            let namespaces = objects.api("v1", "Namespace", None).await?;
            namespaces.delete(&self.name, &params).await?;
            Ok(())
        })
    }

    /// Waits until the Applications that were made say that they are synced and of this health.
    ///
    /// # Errors
    /// They did not settle so.
    pub fn wait_until(&self, health: &str) -> Result<()> {
        self.bed.block_on(async {
            for name in &self.applications {
                let application = &Application::new(self.bed, name);
                self.bed
                    .wait_for(
                        &format!("Application {name} Synced and {health}"),
                        SETTLED_WITHIN,
                        || async {
                            let found = application.read().await;
                            let found = found.map_err(|error| error.to_string())?;
                            let status = &found["status"];
                            let is = (&status["sync"]["status"], &status["health"]["status"]);
                            if *is.0 == "Synced" && *is.1 == health {
                                Ok(())
                            } else {
                                Err(format!("{is:?}, {}", status["conditions"]))
                            }
                        },
                    )
                    .await?;
            }
            Ok(())
        })
    }
}

/// The name of an Application, with its namespace where that is not Argo CD's own.
fn full_name(meta: &Value) -> Option<String> {
    let (namespace, name) = (meta["namespace"].as_str()?, meta["name"].as_str()?);
    Some(if namespace == NAMESPACE {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    })
}

fn now() -> Result<Timestamp> {
    Ok(Timestamp::try_from(SystemTime::now())?)
}

/// The services of the tree, by name.
fn services(tree: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(tree.join("services"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let listed = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in listed {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn within(tree: &Path, path: &Path) -> Result<String> {
    Ok(path.strip_prefix(tree)?.display().to_string())
}
