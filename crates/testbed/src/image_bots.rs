//! What bumps versions by itself: Argo CD Image Updater, and Flux' image reflector, which chooses the
//! version that Flux then commits.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::argocd::{self, NAMESPACE, PASSWORD};
use crate::bed::Testbed;
use crate::forge::FORGE_USER;
use crate::objects::Objects;
use crate::tools::{self, Group, Toolbox};

/// The kinds, by the tool that brings them.
const KINDS: [(&str, &str, &str); 3] = [
    (
        "image-updater",
        "argocd-image-updater.argoproj.io/v1alpha1",
        "ImageUpdater",
    ),
    (
        "image-reflector",
        "image.toolkit.fluxcd.io/v1",
        "ImagePolicy",
    ),
    (
        "image-reflector",
        "image.toolkit.fluxcd.io/v1",
        "ImageRepository",
    ),
];

/// Puts the kinds into a cluster.
pub(crate) async fn install(objects: &Objects, tools: &Toolbox) -> Result<()> {
    for (tool, version, kind) in KINDS {
        let folder = tools.manifests(tool)?.join("bases");
        argocd::apply_folder(objects, &folder, None).await?;
        objects.wait_for_kind(version, kind).await?;
    }
    Ok(())
}

impl Testbed {
    /// Makes the first cluster know the kinds of image automation. No controller of theirs runs.
    ///
    /// # Errors
    /// They cannot be built; the cluster refuses them.
    pub fn know_image_bots(&self) -> Result<()> {
        let tools = tools::prepare(&[Group::Bots], &mut |_| {})?;
        self.block_on(install(self.objects(), &tools))
    }

    /// Lets Argo CD Image Updater look at every `ImageUpdater` once, with the forge's registry in the place
    /// of Docker Hub; what it says.
    ///
    /// # Errors
    /// This testbed has no bots or no forge; what Image Updater says when it fails.
    pub fn update_images(&self) -> Result<String> {
        let site = self.main().site();
        let kubeconfig = self.kubeconfig()?;
        let registry = self.forge()?.url().to_owned();
        site.write(
            "registries.yaml",
            &format!(
                "registries: [{{name: forge, prefix: docker.io, api_url: '{registry}', insecure: true, default: true, credentials: 'env:FORGE'}}]\n"
            ),
        )?;
        let output = Command::new(site.program("argocd-image-updater")?)
            .args(["run", "--once", "--leader-election=false"])
            .args(["--argocd-namespace", NAMESPACE])
            .args(["--watch-namespaces", NAMESPACE])
            .args(["--registries-conf-path", &site.file("registries.yaml")])
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .env_clear()
            .env("PATH", self.path())
            .env("HOME", self.folder())
            // It asks as somebody, or not at all.
            .env("FORGE", format!("{FORGE_USER}:{PASSWORD}"))
            // What it starts itself does not know the flag.
            .env("KUBECONFIG", &kubeconfig)
            .output()
            .context("Image Updater could not be started")?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure!(output.status.success(), "Image Updater failed: {said}");
        Ok(said)
    }
}
