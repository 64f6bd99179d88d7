//! Bare repositories that the server can offer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// A server's configuration for a repository that allows what large hosts allow.
const CONFIG: &str = "\
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tautogc = false
[gc]
\tauto = 0
";

/// Makes an empty bare repository `root/repo` with `main` as its branch, and gives its folder.
///
/// It takes pushes over HTTP and partial clones; background maintenance is off, so that nothing
/// happens in it that nobody asked for.
pub fn create_repository(root: &Path, repo: &str) -> Result<PathBuf> {
    let path = root.join(repo);
    fs::create_dir_all(&path)?;
    let output = git()
        .args(["init", "--quiet", "--bare", "--initial-branch=main"])
        .arg(&path)
        .output()
        .context("cannot run git")?;
    ensure!(
        output.status.success(),
        "git init: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let config = path.join("config");
    fs::write(&config, fs::read_to_string(&config)? + CONFIG)?;
    Ok(path)
}

/// Writes an executable hook into the bare repository `repo`, replacing one of the same name.
pub fn install_hook(repo: &Path, name: &str, script: &str) -> Result<()> {
    let hooks = repo.join("hooks");
    fs::create_dir_all(&hooks)?;
    // Written aside and renamed: git may be about to run the old one.
    let draft = hooks.join(format!(".{name}.new"));
    fs::write(&draft, script)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
    fs::rename(&draft, hooks.join(name))?;
    Ok(())
}

/// Git without the configuration of the person who runs this.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    command.env_clear().envs(hermetic_environment());
    command
}

/// The environment in which the server's git runs.
pub(crate) fn hermetic_environment() -> Vec<(&'static str, std::ffi::OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    vec![
        ("PATH", path),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("LC_ALL", "C".into()),
    ]
}
