//! A forge: Gitea with one administrator, on SQLite, as its API and its Git server see it.

mod runs;

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::application::{Refused, answer_of};
use crate::argocd::PASSWORD;
use crate::bed::Testbed;
use crate::site::{Site, secret};

/// The forge's administrator; the password is [`PASSWORD`]. Gitea keeps `admin` for itself.
pub const FORGE_USER: &str = "ops";

/// The digest of `{}`: the settings of an image that has none.
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

pub(crate) fn folder(site: &Site) -> String {
    site.file("gitea")
}

pub(crate) fn settings_file(site: &Site) -> String {
    site.file("gitea/app.ini")
}

/// Writes the settings.
pub(crate) fn lay_out(site: &Site) -> Result<()> {
    let folder = folder(site);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder}"))?;
    let own = site.port("gitea")?;
    let host = own.ip();
    let port = own.port();
    let pages = site.tools().manifests("gitea")?.display();
    let (key, token) = (secret(), secret());
    // Gitea refuses to run as root unless told to; here root is nobody else's.
    let settings = format!(
        "I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {folder}
[server]
HTTP_ADDR = {host}
HTTP_PORT = {port}
ROOT_URL = http://{own}/
STATIC_ROOT_PATH = {pages}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[repository]
ROOT = {folder}/repositories
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = {key}
INTERNAL_TOKEN = {token}
PASSWORD_HASH_ALGO = pbkdf2_v1
MIN_PASSWORD_LENGTH = 6
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[actions]
ENABLED = true
DEFAULT_ACTIONS_URL = self
[cron]
ENABLED = false
[session]
PROVIDER = memory
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
LEVEL = Warn
"
    );
    site.write("gitea/app.ini", &settings)
}

/// Makes the administrator; the forge runs already.
pub(crate) fn make_user(site: &Site, path: &str) -> Result<()> {
    let user = ["admin", "user", "create", "--admin"];
    let named = ["--username", FORGE_USER, "--password", PASSWORD];
    let rest = [
        "--email",
        "ops@acme.example",
        "--must-change-password=false",
    ];
    gitea(site, path, &[&user[..], &named, &rest].concat()).context("gitea made no user")?;
    Ok(())
}

/// What allows a runner to register.
pub(crate) fn runner_token(site: &Site, path: &str) -> Result<String> {
    let said = gitea(site, path, &["actions", "generate-runner-token"])?;
    // Lines of its log may come before.
    let token = said.lines().last().unwrap_or_default().trim();
    ensure!(!token.is_empty(), "gitea made no token for a runner");
    Ok(token.to_owned())
}

/// Runs a command of Gitea's own; what it says.
fn gitea(site: &Site, path: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(site.program("gitea")?)
        .args(args)
        .args(["--config", &settings_file(site)])
        .args(["--work-path", &folder(site)])
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder(site))
        .output()
        .context("gitea could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "gitea says: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A handle to the forge of a testbed.
pub struct Forge<'a> {
    bed: &'a Testbed,
    url: String,
}

impl<'a> Forge<'a> {
    pub(crate) fn new(bed: &'a Testbed, url: String) -> Self {
        Self { bed, url }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty repository of the administrator's that everybody can read, with a first commit
    /// on `main`; its URL for Git.
    ///
    /// # Errors
    /// There is one of this name; the forge does not answer.
    pub fn create(&self, name: &str) -> Result<String> {
        let made = self.call(
            "POST",
            "/user/repos",
            &json!({"name": name, "auto_init": true, "default_branch": "main"}),
        )?;
        let made = made.map_err(|refused| anyhow::anyhow!("no repository {name}: {refused:?}"))?;
        let url = made["clone_url"].as_str();
        url.map(str::to_owned).context("a repository without a URL")
    }

    /// Makes a repository without a commit; its URL for Git, with the administrator's password.
    ///
    /// # Errors
    /// As for [`Forge::create`].
    pub fn create_empty(&self, name: &str) -> Result<String> {
        let made = self.call("POST", "/user/repos", &json!({"name": name}))?;
        made.map_err(|refused| anyhow::anyhow!("no repository {name}: {refused:?}"))?;
        let host = self.url.trim_start_matches("http://");
        Ok(format!(
            "http://{FORGE_USER}:{PASSWORD}@{host}/{FORGE_USER}/{name}.git"
        ))
    }

    /// Puts an image without layers into its registry, in an organisation that is made for it.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn push_image(&self, organisation: &str, name: &str, tag: &str) -> Result<()> {
        // It may be there.
        let _ = self.call("POST", "/orgs", &json!({"username": organisation}))?;
        let at = format!("{}/v2/{organisation}/{name}", self.url);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": EMPTY, "size": 2,
            },
            "layers": [],
        });
        let http = self.bed.http();
        let blob = http
            .post(format!("{at}/blobs/uploads/?digest={EMPTY}"))
            .body("{}");
        let manifest = http
            .put(format!("{at}/manifests/{tag}"))
            .header("content-type", "application/vnd.oci.image.manifest.v1+json")
            .body(manifest.to_string());
        for request in [blob, manifest] {
            let sent = request.basic_auth(FORGE_USER, Some(PASSWORD)).send();
            let answer = self.bed.block_on(sent)?;
            let status = answer.status();
            let said = self.bed.block_on(answer.text())?;
            ensure!(status.is_success(), "the registry says {status}: {said}");
        }
        Ok(())
    }

    /// Calls its API below `/api/v1` as the administrator; the inner error is a refusal.
    ///
    /// # Errors
    /// It does not answer.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Result<Value, Refused>> {
        self.bed.block_on(self.ask(method, path, body))
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Result<Value, Refused>> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let request = self
            .bed
            .http()
            .request(method, format!("{}/api/v1{path}", self.url))
            .basic_auth(FORGE_USER, Some(PASSWORD))
            .json(body);
        answer_of(request).await
    }
}
