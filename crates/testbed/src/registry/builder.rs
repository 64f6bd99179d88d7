//! Building images as pipelines do, by buildah from a Containerfile: Debian's package.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Registry;

/// Every image may be used: what is built here is our own.
const POLICY: &str = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

impl Registry<'_> {
    /// Builds the image of a folder with a `Containerfile` (or `Dockerfile`) and puts it there; its digest.
    /// The same files give the same digest. Only a base of `scratch`, or one in this registry, is in
    /// reach.
    ///
    /// # Errors
    /// buildah is not installed, or what it says when it fails. A user who is not root needs subordinate
    /// users (`/etc/subuid`).
    pub fn build(
        &self,
        folder: &Path,
        name: &str,
        tag: &str,
        arguments: &[(&str, &str)],
    ) -> Result<String> {
        let place = self.workplace()?;
        let file = |name: &str| place.path().join(name).display().to_string();
        fs::write(place.path().join("policy.json"), POLICY)?;
        let buildah = |words: &[&str]| {
            let mut command = Command::new("buildah");
            command
                .args(["--storage-driver", "vfs"])
                .args(["--root", &file("storage"), "--runroot", &file("run")])
                .args(words);
            command
        };
        let to = format!("{}/{name}:{tag}", self.behind);
        let policy = file("policy.json");
        let mut build = buildah(&["bud", "--isolation", "chroot", "--timestamp", "0"]);
        build.args(["--signature-policy", &policy, "--tls-verify=false"]);
        for (name, value) in arguments {
            build.args(["--build-arg", &format!("{name}={value}")]);
        }
        self.run("buildah", build.args(["-t", &to]).arg(folder))?;
        let digest = file("digest");
        let mut push = buildah(&["push", "--signature-policy", &policy, "--tls-verify=false"]);
        self.run("buildah", push.args(["--digestfile", &digest, &to]))?;
        let text = fs::read_to_string(&digest).context("buildah wrote no digest")?;
        ensure!(text.starts_with("sha256:"), "buildah's digest is `{text}`");
        Ok(text.trim().to_owned())
    }
}
