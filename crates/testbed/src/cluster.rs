//! One Kubernetes cluster: its components, running, and its objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::json;
use tokio::runtime::Handle;

use crate::bed::Options;
use crate::component::{APISERVER, CONTROLLER_MANAGER, Component, ETCD, KWOK, Ready, SCHEDULER};
use crate::objects::{Objects, says_ready};
use crate::pods;
use crate::process::{Process, Starter, last_words};
use crate::site::Site;
use crate::tools::Toolbox;

/// How long a component may take until it is ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(25);
/// Nodes of a cluster.
const NODES: usize = 3;

/// A component that was started once.
struct Part {
    component: &'static Component,
    process: Option<Process>,
}

/// A running cluster.
pub struct Cluster {
    name: String,
    site: Site,
    parts: Mutex<BTreeMap<&'static str, Part>>,
    objects: Objects,
    http: reqwest::Client,
}

impl Cluster {
    /// Lays out a cluster in a folder; nothing is started.
    pub(crate) fn lay_out(
        name: &str,
        folder: &Path,
        logs: &Path,
        tools: &Toolbox,
        options: &Options,
        runtime: &Handle,
    ) -> Result<Self> {
        let (tools, runtime) = (tools.clone(), runtime.clone());
        let site = Site::new(folder, logs, tools, options.polling, runtime.clone())?;
        site.write("stages.yaml", &pods::stages(options.pace))?;
        let kubeconfig = site.kubeconfig("tester")?;
        let objects = runtime.block_on(async {
            let config = Config::from_custom_kubeconfig(
                Kubeconfig::read_from(&kubeconfig)?,
                &KubeConfigOptions::default(),
            )
            .await?;
            anyhow::Ok(Objects::new(kube::Client::try_from(config)?))
        })?;
        Ok(Self {
            name: name.to_owned(),
            site,
            parts: Mutex::default(),
            objects,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The file with which a client finds it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        self.site.kubeconfig("tester").map(PathBuf::from)
    }

    /// A client for what components say over plain HTTP.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Starts the control plane and makes nodes; ready when nodes take pods.
    pub(crate) async fn start(&self, starter: &Starter) -> Result<()> {
        self.bring_up(starter, &ETCD).await?;
        self.bring_up(starter, &APISERVER).await?;
        tokio::try_join!(
            self.bring_up(starter, &CONTROLLER_MANAGER),
            self.bring_up(starter, &SCHEDULER),
            self.bring_up(starter, &KWOK),
            self.make_nodes(),
        )?;
        Ok(())
    }

    async fn make_nodes(&self) -> Result<()> {
        for number in 1..=NODES {
            let name = format!("node-{number}");
            let node = json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                }},
            });
            self.objects.apply_object(&node).await?;
        }
        let nodes = self.objects.api("v1", "Node", None).await?;
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            let listed = nodes.list(&kube::api::ListParams::default()).await?;
            let ready = listed.items.iter().filter(|node| says_ready(&node.data));
            if ready.count() == NODES {
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        let log = self.site.log(KWOK.name);
        bail!("the nodes did not become ready{}", last_words(&log))
    }

    /// Starts a component and waits until it is ready.
    pub(crate) async fn bring_up(
        &self,
        starter: &Starter,
        component: &'static Component,
    ) -> Result<()> {
        self.launch(starter, component)?;
        self.wait_until_ready(component.name).await
    }

    /// Starts a component.
    pub(crate) fn launch(&self, starter: &Starter, component: &'static Component) -> Result<()> {
        let launch = (component.launch)(&self.site)?;
        let process = starter.start(&launch, &self.site.log(component.name))?;
        let part = Part {
            component,
            process: Some(process),
        };
        self.parts().insert(component.name, part);
        Ok(())
    }

    /// Starts a component again that was stopped or has ended.
    pub(crate) fn launch_again(&self, starter: &Starter, name: &str) -> Result<()> {
        let component = self.with(name, |part| {
            part.process = None;
            Ok(part.component)
        })?;
        self.launch(starter, component)
    }

    /// Waits until a component says that it is ready.
    pub(crate) async fn wait_until_ready(&self, name: &str) -> Result<()> {
        let component = self.with(name, |part| Ok(part.component))?;
        let until = Instant::now() + READY_WITHIN;
        loop {
            self.with(name, |part| {
                let Some(process) = part.process.as_mut() else {
                    bail!("{name} is stopped");
                };
                match process.ended() {
                    Some(status) => Err(process.obituary(name, status)),
                    None => Ok(()),
                }
            })?;
            if self.says_ready((component.ready)(&self.site)?).await {
                return Ok(());
            }
            if Instant::now() > until {
                let log = self.site.log(name);
                bail!(
                    "{name} was not ready within {} s{}",
                    READY_WITHIN.as_secs(),
                    last_words(&log)
                );
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn says_ready(&self, ready: Ready) -> bool {
        let asked = async {
            match ready {
                Ready::Listens(address) => tokio::net::TcpStream::connect(address).await.is_ok(),
                Ready::Answers(url) => match self.http.get(url).send().await {
                    Ok(answer) => answer.status().is_success(),
                    Err(_) => false,
                },
                Ready::Kubernetes => self.objects.is_ready().await,
            }
        };
        let patience = Duration::from_secs(2);
        tokio::time::timeout(patience, asked).await.unwrap_or(false)
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Part) -> Result<T>) -> Result<T> {
        let mut parts = self.parts();
        let Some(part) = parts.get_mut(name) else {
            let known: Vec<&str> = parts.keys().copied().collect();
            bail!(
                "no `{name}` in this testbed; there are {}",
                known.join(", ")
            );
        };
        act(part)
    }

    /// Acts on the process of a component that runs.
    pub(crate) fn with_process<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Process) -> Result<T>,
    ) -> Result<T> {
        self.with(name, |part| {
            let process = part.process.as_mut();
            act(process.with_context(|| format!("{name} is stopped"))?)
        })
    }

    /// Stops a component: asks it to end, or kills it.
    pub(crate) fn end(&self, name: &str, kindly: bool) -> Result<()> {
        self.with(name, |part| {
            if let Some(mut process) = part.process.take() {
                if kindly {
                    process.stop(part.component.patience);
                } else {
                    process.kill();
                }
            }
            Ok(())
        })
    }

    /// Kills everything.
    pub(crate) fn end_all(&self) {
        for part in self.parts().values_mut() {
            // Nothing that they would write is of use any more.
            part.process = None;
        }
    }

    /// Every component with the number of its process; none when it is stopped.
    pub(crate) fn processes(&self) -> Vec<(&'static str, Option<u32>)> {
        let parts = self.parts();
        let each = parts.iter().map(|(name, part)| {
            let id = part.process.as_ref().map(Process::id);
            (*name, id)
        });
        each.collect()
    }
}
