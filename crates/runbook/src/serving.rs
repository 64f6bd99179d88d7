//! What serves of a service now: which commit Argo CD deployed, which images its ready pods run.

use std::collections::BTreeMap;

use ripcord_connect::{Which, argocd, destination};
use ripcord_domain::live::application::{AppName, ObjectKey};
use ripcord_domain::problem::Problem;
use ripcord_recovery::declared::Declared;
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::applications::{Deploying, deploying};
use crate::observe::Clusters;
use crate::picture::look;

/// A service where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Serving {
    /// The Applications that deploy it, each as it was seen.
    pub applications: Vec<Served>,
}

/// One Application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Served {
    /// The Application.
    pub application: AppName,
    /// Argo CD's word for whether the cluster is as Git says, such as `Synced`.
    pub sync: String,
    /// The commits that it was compared with, one for each source.
    pub compared_with: Vec<String>,
    /// Argo CD's word for its health.
    pub health: String,
    /// The phase of the last operation, and its message.
    pub operation: Option<(String, String)>,
    /// Its workloads.
    pub workloads: Vec<Running>,
    /// Digests of the images that ready pods pulled.
    pub pulled: Vec<String>,
}

/// A workload with its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Running {
    /// The workload.
    pub workload: ObjectKey,
    /// The images that it asks for.
    pub images: Vec<String>,
    /// Pods that are to be there.
    pub wanted: i64,
    /// Pods that are ready, by image: the reference as the pod names it.
    pub ready: BTreeMap<String, i64>,
    /// Pods that are not ready, with what troubles them.
    pub not_ready: Vec<String>,
}

impl Running {
    /// What is missing until every pod runs an image that `is_right` says yes to, among those that
    /// `is_of_service` does; none where nothing is, or where it runs no image of the service.
    pub fn lacks(
        &self,
        is_of_service: &dyn Fn(&str) -> bool,
        is_right: &dyn Fn(&str) -> bool,
    ) -> Option<String> {
        let mut all = self.images.iter().chain(self.ready.keys());
        if !all.any(|image| is_of_service(image)) {
            return None;
        }
        let name = &self.workload;
        if let Some(image) = self
            .images
            .iter()
            .find(|image| is_of_service(image) && !is_right(image))
        {
            return Some(format!("{name} asks for {image}"));
        }
        if let Some(why) = self.not_ready.first() {
            return Some(format!("{name}: {why}"));
        }
        let is_wrong = |image: &&String| is_of_service(image) && !is_right(image);
        if let Some(image) = self.ready.keys().find(is_wrong) {
            return Some(format!("{name} still has pods of {image}"));
        }
        let ready: i64 = self
            .ready
            .iter()
            .filter(|(image, _)| is_right(image))
            .map(|(_, pods)| *pods)
            .max()
            .unwrap_or(0);
        (ready < self.wanted).then(|| format!("{name}: {ready} of {} pods are ready", self.wanted))
    }
}

impl Serving {
    /// What is missing until every workload of the service runs the right image, and a ready pod does; none where
    /// nothing is. `image` is what it is called.
    pub fn lacks(
        &self,
        is_of_service: &dyn Fn(&str) -> bool,
        is_right: &dyn Fn(&str) -> bool,
        image: &str,
    ) -> Option<String> {
        let all = || self.applications.iter().flat_map(|app| &app.workloads);
        let missing = all().find_map(|running| running.lacks(is_of_service, is_right));
        missing.or_else(|| {
            let runs = all().any(|running| running.ready.keys().any(|one| is_right(one)));
            (!runs).then(|| format!("no ready pod runs {image}"))
        })
    }
}

/// Looks once at what serves.
///
/// # Errors
/// The cluster does not answer; no Application deploys the service.
pub fn serving(branch: &Branch, declared: &Declared, which: &Which) -> Result<Serving, Problem> {
    let runtime = crate::recover::runtime()?;
    let Deploying { cluster, apps } = runtime.block_on(deploying(branch, &declared.plan, which))?;
    let mut applications = Vec::new();
    for app in apps {
        let served = runtime.block_on(async {
            let clusters = Clusters {
                target: destination::of(&cluster, &app).await?,
                argo: cluster.clone(),
            };
            let picture = look(&clusters, &app.name).await?;
            Ok::<_, Problem>(of_picture(&picture))
        })?;
        applications.push(served);
    }
    Ok(Serving { applications })
}

/// Asks Argo CD to look at Git now, for each Application of the service; whoever may not is no reason to stop.
///
/// # Errors
/// The cluster does not answer.
pub fn refresh(which: &Which, names: &[AppName]) -> Result<(), Problem> {
    let runtime = crate::recover::runtime()?;
    runtime.block_on(async {
        let cluster = ripcord_connect::Cluster::open(which).await?;
        for name in names {
            let _ = argocd::refresh(&cluster, name).await;
        }
        Ok(())
    })
}

fn of_picture(picture: &crate::picture::Picture) -> Served {
    let app = &picture.app;
    let mut served = Served {
        application: app.name.clone(),
        sync: app.sync.clone(),
        compared_with: app.revisions.clone(),
        health: app.health.clone(),
        operation: app
            .operation_state
            .as_ref()
            .map(|state| (state.phase.clone(), state.message.clone())),
        workloads: Vec::new(),
        pulled: Vec::new(),
    };
    for seen in &picture.workloads {
        let mut running = Running {
            workload: seen.workload.key.clone(),
            images: seen.workload.images.clone(),
            wanted: seen.workload.wanted,
            ready: BTreeMap::new(),
            not_ready: Vec::new(),
        };
        for pod in seen.pods.iter().filter(|pod| !pod.is_going && !pod.is_over) {
            if !pod.is_ready {
                let why = pod.trouble.as_deref().unwrap_or("it is not ready yet");
                running.not_ready.push(format!("{}: {why}", pod.name));
                continue;
            }
            for image in &pod.images {
                *running.ready.entry(image.clone()).or_default() += 1;
            }
            let pulled = pod.pulled.iter().map(|(_, digest)| digest.clone());
            served.pulled.extend(pulled);
        }
        served.workloads.push(running);
    }
    served.pulled.sort();
    served.pulled.dedup();
    served
}
