//! The testbed as a value.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ripcord_gitserver::GitServer;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::application::Application;
use crate::argocd;
use crate::cluster::Cluster;
use crate::component::{
    APPLICATION_CONTROLLER, APPLICATIONSET_CONTROLLER, ARGOCD_SERVER, GITEA, IMAGE_REFLECTOR,
    REDIS, REGISTRY, REPO_SERVER, ROLLOUTS,
};
use crate::forge::{self, Forge};
use crate::image_bots;
use crate::link::{Link, Network};
use crate::logs;
use crate::objects::Objects;
use crate::part::Part;
use crate::pods::Pace;
use crate::process::{Broom, PortTaken, Starter};
use crate::registry::{self, Gateway};
use crate::responder::Responder;
use crate::tools::{self, Group, Toolbox};

/// What a testbed shall have.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of them is there or not, whatever the others are"
)]
pub struct Options {
    /// Argo CD.
    pub argocd: bool,
    /// The controller of Argo Rollouts.
    pub rollouts: bool,
    /// A Gitea forge.
    pub forge: bool,
    /// What bumps versions by itself: Argo CD Image Updater and Flux' image reflector.
    pub bots: bool,
    /// An image registry, and the programs of pipelines: act, crane, grype and the like.
    pub ci: bool,
    /// How often Argo CD looks for new commits by itself; none is as it is delivered, every 120 to
    /// 180 s.
    pub polling: Option<Duration>,
    /// How long pods take.
    pub pace: Pace,
    /// Clusters beside the one in which Argo CD's objects are, by name.
    pub more_clusters: Vec<String>,
}

impl Default for Options {
    /// Everything but a forge, bots and a registry in one cluster, as it is delivered and as slow as in production.
    fn default() -> Self {
        Self {
            argocd: true,
            rollouts: true,
            forge: false,
            bots: false,
            ci: false,
            polling: None,
            pace: Pace::Production,
            more_clusters: Vec::new(),
        }
    }
}

/// What a testbed may write, in bytes: most of it is etcd's journal.
const ROOM: u64 = 300_000_000;

/// The name of the cluster in which Argo CD's objects are.
const MAIN: &str = "main";

/// A running testbed. It stops, and removes its folder, when dropped; its logs stay when a test fails
/// meanwhile or the process is killed.
pub struct Testbed {
    clusters: Vec<Cluster>,
    git: GitServer,
    broom: Broom,
    // The processes' parent: after the processes.
    starter: Starter,
    folder: PathBuf,
    logs: PathBuf,
    keeps_logs: bool,
    has_argocd: bool,
    has_forge: bool,
    responder: Responder,
    gateway: Option<Gateway>,
    runtime: Runtime,
}

/// The testbed that the tests of one process share.
static SHARED: OnceLock<Result<Testbed, String>> = OnceLock::new();

impl Testbed {
    /// The one that all tests of this process share: for those that use namespaces, Applications and
    /// repositories of their own and leave the components alone. It ends with the process.
    ///
    /// # Errors
    /// It did not start, for the first that asked or for another.
    pub fn shared() -> Result<&'static Self> {
        let started = SHARED
            .get_or_init(|| Self::start(&Options::default()).map_err(|error| format!("{error:#}")));
        started
            .as_ref()
            .map_err(|error| anyhow::anyhow!("the shared testbed: {error}"))
    }

    /// Builds what is not built yet, and starts.
    ///
    /// # Errors
    /// A tool that cannot be built; a component that does not start, with the end of its log.
    pub fn start(options: &Options) -> Result<Self> {
        let mut groups = vec![Group::Core];
        if options.forge {
            groups.push(Group::Forge);
        }
        if options.bots {
            groups.push(Group::Bots);
        }
        if options.ci {
            groups.push(Group::Ci);
        }
        let tools = tools::prepare(&groups, &mut |_| {})?;
        Self::start_with(options, &tools)
    }

    /// Starts with programs that were prepared.
    ///
    /// # Errors
    /// A component that does not start, with the end of its log.
    pub fn start_with(options: &Options, tools: &Toolbox) -> Result<Self> {
        match Self::start_once(options, tools) {
            // Between the choice of a port and its use another program can take it. Other ports are
            // chosen the next time.
            Err(error) if error.is::<PortTaken>() => Self::start_once(options, tools),
            started => started,
        }
    }

    fn start_once(options: &Options, tools: &Toolbox) -> Result<Self> {
        has_room(&std::env::temp_dir(), ROOM)?;
        // Of this user alone: tokens are in it. The broom removes it.
        let folder = tempfile::Builder::new()
            .prefix("ripcord-testbed-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .context("cannot make a folder for the testbed")?
            .keep();
        let name = folder.file_name().unwrap_or_default();
        let logs = logs::folder(&name.to_string_lossy())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("testbed")
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let mut broom = Broom::new(&folder)?;
        let bed = Self::lay_out(options, tools, &folder, &logs, &runtime);
        let (clusters, git, starter, responder) = match bed {
            Ok(bed) => bed,
            Err(error) => {
                let _ = broom.dismiss();
                return Err(error);
            }
        };
        let mut bed = Self {
            clusters,
            git,
            broom,
            starter,
            folder,
            logs,
            keeps_logs: false,
            has_argocd: options.argocd,
            has_forge: options.forge,
            responder,
            gateway: None,
            runtime,
        };
        // From here on the bed's own end clears up.
        if options.ci {
            let way = bed.main().site().port(REGISTRY.name);
            bed.gateway = Some(Gateway::start(bed.runtime.handle(), way?)?);
        }
        let up = bed.runtime.block_on(bed.bring_up(options));
        bed.keeps_logs = up.is_err();
        up.map(|()| bed).context("the testbed did not start")
    }

    fn lay_out(
        options: &Options,
        tools: &Toolbox,
        folder: &Path,
        logs: &Path,
        runtime: &Runtime,
    ) -> Result<(Vec<Cluster>, GitServer, Starter, Responder)> {
        let bin = folder.join("bin");
        for name in ["bin", "tmp", "git"] {
            fs::create_dir_all(folder.join(name))?;
        }
        for (name, program) in tools.programs() {
            std::os::unix::fs::symlink(program, bin.join(name))?;
        }
        let starter = Starter::new(folder, path_with(&bin))?;
        let git = GitServer::start(&folder.join("git"), ripcord_gitserver::Options::default())?;
        let mut clusters = Vec::new();
        for name in std::iter::once(MAIN).chain(options.more_clusters.iter().map(String::as_str)) {
            let place = folder.join("clusters").join(name);
            let logs = logs.join(name);
            for folder in [&place, &logs] {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
            }
            clusters.push(Cluster::lay_out(
                name,
                &place,
                &logs,
                tools,
                options,
                runtime.handle(),
            )?);
        }
        clusters[0].site().name_port("git", git.address().port());
        let client = clusters[0].objects().client();
        let responder = Responder::start(runtime.handle(), &client)?;
        Ok((clusters, git, starter, responder))
    }

    async fn bring_up(&self, options: &Options) -> Result<()> {
        let main = self.main();
        let starter = &self.starter;
        if options.argocd {
            argocd::lay_out(main.site())?;
            // These need no cluster.
            main.launch(starter, &REDIS)?;
            main.launch(starter, &REPO_SERVER)?;
        }
        if options.forge {
            forge::lay_out(main.site())?;
            main.launch(starter, &GITEA)?;
        }
        if options.ci {
            registry::lay_out(main.site())?;
            main.launch(starter, &REGISTRY)?;
        }
        let starting = self.clusters.iter().map(|cluster| cluster.start(starter));
        futures_util::future::try_join_all(starting).await?;
        let argocd = async {
            if !options.argocd {
                return Ok(());
            }
            argocd::install(main.site(), main.objects()).await?;
            tokio::try_join!(
                main.wait_until_ready(REDIS.name),
                main.wait_until_ready(REPO_SERVER.name),
                main.bring_up(starter, &APPLICATION_CONTROLLER),
                main.bring_up(starter, &ARGOCD_SERVER),
                main.bring_up(starter, &APPLICATIONSET_CONTROLLER),
            )
            .map(drop)
        };
        let rollouts = async {
            if !options.rollouts {
                return Ok(());
            }
            argocd::install_rollouts(main.site(), main.objects()).await?;
            main.bring_up(starter, &ROLLOUTS).await
        };
        let forge = async {
            if !options.forge {
                return Ok(());
            }
            main.wait_until_ready(GITEA.name).await?;
            forge::make_user(main.site(), &self.path())
        };
        let bots = async {
            if !options.bots {
                return Ok(());
            }
            image_bots::install(main.objects(), main.site().tools()).await?;
            main.bring_up(starter, &IMAGE_REFLECTOR).await
        };
        let registry = async {
            if !options.ci {
                return Ok(());
            }
            main.wait_until_ready(REGISTRY.name).await
        };
        tokio::try_join!(argocd, rollouts, forge, bots, registry).map(drop)
    }

    /// A client for what components say over plain HTTP.
    pub(crate) fn http(&self) -> &reqwest::Client {
        self.main().http()
    }

    /// What stands before the registry; none without one.
    pub(crate) fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    pub(crate) fn main(&self) -> &Cluster {
        &self.clusters[0]
    }

    /// Runs something to its end on the testbed's own runtime, where its clients live.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Where what belongs to it may wait for answers from a thread of its own.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Begins something that goes on beside.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(future)
    }

    /// The clusters; the first has Argo CD's objects.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The objects of the first cluster.
    pub fn objects(&self) -> &Objects {
        self.main().objects()
    }

    /// The file with which a client finds the first cluster.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        self.main().kubeconfig()
    }

    /// The Git server, as tests and people find it.
    pub fn git(&self) -> &GitServer {
        &self.git
    }

    /// The URL at which Argo CD finds a repository: by a way that can be made bad.
    ///
    /// # Errors
    /// No way can be opened.
    pub fn url_for_argocd(&self, repository: &str) -> Result<String> {
        let way = self.main().site().link("argocd-repo-server", "git")?;
        Ok(format!("http://{way}/{repository}"))
    }

    /// The forge.
    ///
    /// # Errors
    /// None was asked for.
    pub fn forge(&self) -> Result<Forge<'_>> {
        anyhow::ensure!(self.has_forge, "this testbed has no forge");
        let address = self.main().site().port(GITEA.name)?;
        Ok(Forge::new(self, format!("http://{address}")))
    }

    /// The programs that were prepared for it.
    pub fn tools(&self) -> &Toolbox {
        self.main().site().tools()
    }

    /// Where requests to a Service are answered as its pods would: `URL/NAMESPACE/SERVICE`.
    pub fn responder(&self) -> String {
        self.responder.url()
    }

    /// Makes Argo CD know one of the other clusters; what it calls it, as a destination's `server`.
    ///
    /// # Errors
    /// There is no such cluster; Argo CD's objects are refused.
    pub fn register(&self, cluster: &str) -> Result<String> {
        let known = self.clusters.iter().find(|one| one.name() == cluster);
        let other = known.with_context(|| format!("no cluster `{cluster}`"))?;
        self.block_on(argocd::register(other, self.objects()))
    }

    /// An Application of Argo CD.
    pub fn application(&self, name: &str) -> Application<'_> {
        Application::new(self, name)
    }

    /// The address of Argo CD's API.
    ///
    /// # Errors
    /// None is free.
    pub fn argocd_address(&self) -> Result<SocketAddr> {
        self.main().site().port(ARGOCD_SERVER.name)
    }

    /// A token for Argo CD's API, of its `admin`.
    ///
    /// # Errors
    /// Argo CD does not answer.
    pub fn argocd_token(&self) -> Result<String> {
        let address = self.argocd_address()?;
        self.block_on(argocd::log_in(self.http(), address))
    }

    /// The variables with which `kubectl` and `argocd` find this testbed, and nothing else.
    ///
    /// # Errors
    /// A file cannot be written; Argo CD does not answer.
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let mut all = vec![
            ("KUBECONFIG", self.kubeconfig()?.display().to_string()),
            ("PATH", self.path()),
            ("RIPCORD_TESTBED_GIT", self.git.url("")),
        ];
        if self.has_argocd {
            let settings = argocd::command_settings(self.argocd_address()?, &self.argocd_token()?);
            let folder = self.folder.join("argocd-settings");
            fs::create_dir_all(&folder)?;
            let file = folder.join("config");
            fs::write(&file, settings)
                .with_context(|| format!("cannot write {}", file.display()))?;
            // The command refuses a file that others can read.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            all.push(("ARGOCD_CONFIG_DIR", folder.display().to_string()));
        }
        Ok(all)
    }

    /// Every component of the first cluster with the number of its process; none when it is stopped.
    pub fn processes(&self) -> Vec<(&'static str, Option<u32>)> {
        self.main().processes()
    }

    /// The component of this name in the first cluster, to be stopped, paused and the like.
    pub fn part<'a>(&'a self, name: &'a str) -> Part<'a> {
        Part::new(self.main(), &self.starter, &self.runtime, name)
    }

    /// Makes the way from one component to another like this, for all of them whose names begin so:
    /// `argocd` are all parts of Argo CD. `git` is the Git server, `tester` who runs the test.
    ///
    /// # Errors
    /// There is no such way.
    pub fn set_network(&self, from: &str, to: &str, network: Network) -> Result<()> {
        let site = self.main().site();
        let ways = site.ways();
        let mut meant = ways
            .iter()
            .filter(|(one, other)| one.starts_with(from) && other.starts_with(to))
            .peekable();
        if meant.peek().is_none() {
            let known: Vec<String> = ways
                .iter()
                .map(|(from, to)| format!("{from} to {to}"))
                .collect();
            anyhow::bail!("no way from {from} to {to}; there are {}", known.join(", "));
        }
        for (from, to) in meant {
            let link: std::sync::Arc<Link> = site.way(from, to)?;
            link.set(network);
        }
        Ok(())
    }

    /// The folder of the programs, by their names.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// `PATH` with the programs of the testbed first.
    pub fn path(&self) -> String {
        path_with(&self.programs())
    }

    /// Runs kubectl in a namespace, as a person would; what it says.
    ///
    /// # Errors
    /// What kubectl says when it fails.
    pub fn kubectl(&self, namespace: &str, args: &[&str]) -> Result<String> {
        let output = Command::new(self.programs().join("kubectl"))
            .env("KUBECONFIG", self.kubeconfig()?)
            .env("PATH", self.path())
            // Behind: a plugin's name comes first.
            .args(args)
            .args(["-n", namespace])
            .output()
            .context("kubectl could not be started")?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        anyhow::ensure!(output.status.success(), "{}", said(&output.stderr));
        Ok(said(&output.stdout))
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits until something holds; it is asked every 25 ms.
    ///
    /// # Errors
    /// It did not hold within `patience`; the last answer says what was seen.
    pub async fn wait_for<T, F>(
        &self,
        what: &str,
        patience: Duration,
        mut ask: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, String>>,
    {
        let until = Instant::now() + patience;
        loop {
            match ask().await {
                Ok(found) => return Ok(found),
                Err(seen) if Instant::now() > until => {
                    anyhow::bail!(
                        "{what} did not come true within {} s: {seen}",
                        patience.as_secs()
                    );
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
    }

    /// The folder of the logs, one folder for each cluster in it.
    pub fn logs(&self) -> &Path {
        &self.logs
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        for cluster in &self.clusters {
            cluster.end_all();
        }
        let _ = self.broom.dismiss();
        if std::thread::panicking() {
            // The test's own failure is told already; this only adds where to look.
            logs::tell(&self.logs);
        } else if !self.keeps_logs {
            let _ = fs::remove_dir_all(&self.logs);
        }
    }
}

/// Whether there is as much free space as a testbed needs. A component that finds none says it in
/// many words.
fn has_room(folder: &Path, needed: u64) -> Result<()> {
    let disk = rustix::fs::statvfs(folder)
        .with_context(|| format!("cannot see how much is free in {}", folder.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    anyhow::ensure!(
        free >= needed,
        "{} has {} MB free and a testbed needs {} MB: make room, or set TMPDIR to another folder",
        folder.display(),
        free / 1_000_000,
        needed / 1_000_000
    );
    Ok(())
}

/// `PATH` with a folder first.
fn path_with(folder: &Path) -> String {
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{}:{others}", folder.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_said_before_anything_is_started() {
        let folder = std::env::temp_dir();
        has_room(&folder, 0).unwrap();
        let told = has_room(&folder, u64::MAX).unwrap_err().to_string();
        assert!(told.starts_with(&folder.display().to_string()), "{told}");
        assert!(told.contains("set TMPDIR"), "{told}");
    }
}
