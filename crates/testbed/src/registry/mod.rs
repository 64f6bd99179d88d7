//! An image registry: distribution, with a gateway before it that has the troubles of real ones.
//!
//! Images are made by crane ([`Registry::push`]) without a builder, or by buildah from a Containerfile
//! ([`Registry::build`]). Both find the registry without troubles; whoever is tested asks
//! [`Registry::host`], which is the gateway.

mod builder;
mod gateway;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

pub(crate) use self::gateway::Gateway;
pub use self::gateway::Trouble;
use crate::bed::Testbed;
use crate::component::REGISTRY;
use crate::site::Site;

/// The label of the commit that an image was built of.
/// <https://github.com/opencontainers/image-spec/blob/main/annotations.md>
const REVISION: &str = "org.opencontainers.image.revision";
/// The label of the repository that it was built of.
const SOURCE: &str = "org.opencontainers.image.source";

pub(crate) fn settings_file(site: &Site) -> String {
    site.file("registry.yaml")
}

/// Writes the settings.
pub(crate) fn lay_out(site: &Site) -> Result<()> {
    // JSON is YAML.
    let settings = json!({
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": site.file("registry")},
            "delete": {"enabled": true},
        },
        // Relative URLs: an upload that began at the gateway goes on there.
        "http": {"addr": site.port("registry")?.to_string(), "relativeurls": true},
    });
    site.write("registry.yaml", &settings.to_string())
}

/// An image to be made.
#[derive(Clone, Debug, Default)]
pub struct Image {
    name: String,
    tag: String,
    labels: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

impl Image {
    /// `name` is the repository in the registry, such as `acme/checkout-service`. Its content differs
    /// from that of other tags.
    pub fn new(name: &str, tag: &str) -> Self {
        let files = BTreeMap::from([("app".to_owned(), format!("{name}:{tag}\n"))]);
        Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
            labels: BTreeMap::new(),
            files,
        }
    }

    /// It says of which commit it was built.
    #[must_use]
    pub fn revision(self, commit: &str) -> Self {
        self.label(REVISION, commit)
    }

    /// It says of which repository it was built.
    #[must_use]
    pub fn source(self, url: &str) -> Self {
        self.label(SOURCE, url)
    }

    /// It has this label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// It holds this file; `path` is relative to its root.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }
}

impl Testbed {
    /// The image registry.
    ///
    /// # Errors
    /// None was asked for.
    pub fn registry(&self) -> Result<Registry<'_>> {
        let gateway = self.gateway();
        let gateway = gateway.context("this testbed has no image registry")?;
        Ok(Registry {
            bed: self,
            gateway,
            behind: self.main().site().port(REGISTRY.name)?.to_string(),
        })
    }
}

/// A handle to the registry of a testbed.
pub struct Registry<'a> {
    bed: &'a Testbed,
    gateway: &'a Gateway,
    /// The registry itself, host and port.
    behind: String,
}

impl Registry<'_> {
    /// Host and port, as an image's reference begins.
    pub fn host(&self) -> String {
        self.gateway.address().to_string()
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// From now on every request meets this trouble; see [`Registry::recover`].
    pub fn set_trouble(&self, trouble: Trouble) {
        self.gateway.set(Some((trouble, None)));
    }

    /// The next so many requests meet this trouble, and those after them none.
    pub fn set_trouble_for(&self, requests: usize, trouble: Trouble) {
        self.gateway.set(Some((trouble, Some(requests))));
    }

    /// No trouble any more.
    pub fn recover(&self) {
        self.gateway.set(None);
    }

    /// What was asked at the gateway, in order: `HEAD /v2/acme/web/manifests/v1`.
    pub fn requests(&self) -> Vec<String> {
        self.gateway.requests()
    }

    /// Makes an image without a builder and puts it there; its digest. A tag that is there moves.
    ///
    /// # Errors
    /// What crane says when it fails.
    pub fn push(&self, image: &Image) -> Result<String> {
        let folder = self.workplace()?;
        let layer = layer(folder.path(), &image.files)?;
        let to = format!("{}/{}:{}", self.behind, image.name, image.tag);
        let layer = layer.display().to_string();
        self.crane(&["append", "--oci-empty-base", "-f", &layer, "-t", &to])?;
        let labels: Vec<String> = image
            .labels
            .iter()
            .flat_map(|(name, value)| ["--label".to_owned(), format!("{name}={value}")])
            .collect();
        let mut args = vec!["mutate", &to, "-t", &to, "--set-platform", "linux/amd64"];
        args.extend(labels.iter().map(String::as_str));
        self.crane(&args)?;
        self.digest(&image.name, &image.tag)
    }

    /// The digest of what a tag stands for now.
    ///
    /// # Errors
    /// There is no such image.
    pub fn digest(&self, name: &str, tag: &str) -> Result<String> {
        self.crane(&["digest", &format!("{}/{name}:{tag}", self.behind)])
    }

    /// The tags of an image, signatures too.
    ///
    /// # Errors
    /// There is no such image.
    pub fn tags(&self, name: &str) -> Result<Vec<String>> {
        let listed = self.crane(&["ls", &format!("{}/{name}", self.behind)])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// The labels of what a tag or a digest (`sha256:…`) stands for.
    ///
    /// # Errors
    /// There is no such image.
    pub fn labels(&self, name: &str, reference: &str) -> Result<BTreeMap<String, String>> {
        let text = self.crane(&["config", &self.reference(name, reference)])?;
        let config: serde_json::Value = serde_json::from_str(&text)?;
        let labels = config["config"]["Labels"].as_object();
        let each = labels.into_iter().flatten();
        Ok(each
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect())
    }

    /// Makes a tag stand for what another one or a digest stands for.
    ///
    /// # Errors
    /// There is no such image.
    pub fn retag(&self, name: &str, reference: &str, tag: &str) -> Result<()> {
        self.crane(&["tag", &self.reference(name, reference), tag])?;
        Ok(())
    }

    /// Takes an image away, with every tag that stands for it.
    ///
    /// # Errors
    /// There is no such image.
    pub fn delete(&self, name: &str, reference: &str) -> Result<()> {
        let digest = if reference.contains(':') {
            reference.to_owned()
        } else {
            self.digest(name, reference)?
        };
        self.crane(&["delete", &self.reference(name, &digest)])?;
        Ok(())
    }

    fn reference(&self, name: &str, reference: &str) -> String {
        let mark = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{name}{mark}{reference}", self.behind)
    }

    /// Runs crane; what it says.
    fn crane(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(self.bed.tools().program("crane")?);
        command.args(args).arg("--insecure");
        self.run("crane", &mut command)
    }

    /// Runs a program to its end where nothing of the user's settings is seen; what it says.
    fn run(&self, name: &str, command: &mut Command) -> Result<String> {
        let output = command
            .env_clear()
            .env("PATH", self.bed.path())
            .env("HOME", self.bed.folder())
            .env("TMPDIR", self.bed.folder().join("tmp"))
            .output()
            .with_context(|| format!("{name} could not be started: is it installed?"))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(
            output.status.success(),
            "{name} failed: {}",
            said(&output.stderr)
        );
        Ok(said(&output.stdout))
    }

    fn workplace(&self) -> Result<tempfile::TempDir> {
        tempfile::tempdir_in(self.bed.folder()).context("cannot make a folder for an image")
    }
}

/// A layer of these files, the same for the same files.
fn layer(folder: &Path, files: &BTreeMap<String, String>) -> Result<PathBuf> {
    let tree = folder.join("tree");
    for (path, content) in files {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&tree))?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let layer = folder.join("layer.tar");
    let made = Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--numeric-owner"])
        .args(["--owner=0", "--group=0", "--mode=a=rX,u+w"])
        .arg("-C")
        .arg(&tree)
        .arg("-cf")
        .arg(&layer)
        .arg(".")
        .status()
        .context("there is no `tar` on PATH")?;
    ensure!(made.success(), "tar made no layer");
    Ok(layer)
}
