//! Where the components of one cluster live: their folder, ports, keys and ways to each other.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::runtime::Handle;

use crate::link::Link;
use crate::ports::Ports;
use crate::tools::Toolbox;

/// A secret of one testbed, which opens nothing but it.
pub(crate) fn secret() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(32)
        .collect()
}

/// The folder, ports, keys and links of one cluster.
#[derive(Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    logs: PathBuf,
    tools: Toolbox,
    runtime: Handle,
    reserved: Mutex<Ports>,
    ports: Mutex<BTreeMap<String, u16>>,
    links: Mutex<BTreeMap<(String, String), Arc<Link>>>,
    token: String,
    polling: Option<Duration>,
}

impl Site {
    /// Lays out the folder: keys, certificates, the token of an administrator.
    pub(crate) fn new(
        folder: &Path,
        logs: &Path,
        tools: Toolbox,
        polling: Option<Duration>,
        runtime: Handle,
    ) -> Result<Self> {
        for name in ["certificates", "tmp", "kubeconfigs"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        let site = Self {
            folder: folder.to_path_buf(),
            logs: logs.to_path_buf(),
            tools,
            runtime,
            reserved: Mutex::default(),
            ports: Mutex::default(),
            links: Mutex::default(),
            token: secret(),
            polling,
        };
        site.write(
            "tokens.csv",
            &format!("{},admin,1,\"system:masters\"\n", site.token),
        )?;
        site.write_certificates()?;
        Ok(site)
    }

    fn write_certificates(&self) -> Result<()> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
        let server = CertificateParams::new(names)?.signed_by(&key, &ca)?;
        self.write("certificates/ca.crt", &ca.pem())?;
        self.write("certificates/server.crt", &server.pem())?;
        self.write("certificates/server.key", &key.serialize_pem())?;
        let accounts = KeyPair::generate()?;
        self.write("certificates/accounts.key", &accounts.serialize_pem())?;
        self.write("certificates/accounts.pub", &accounts.public_key_pem())
    }

    /// Writes a file of the site.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The path of a file of the site, as an argument.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Where a component's output goes.
    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.logs.join(format!("{component}.log"))
    }

    pub(crate) fn program(&self, name: &str) -> Result<&Path> {
        self.tools.program(name)
    }

    pub(crate) fn tools(&self) -> &Toolbox {
        &self.tools
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The certificate by which the API server is known, in base64.
    pub(crate) fn authority(&self) -> Result<String> {
        let path = self.folder.join("certificates/ca.crt");
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(data_encoding::BASE64.encode(&bytes))
    }

    /// How often Argo CD looks for new commits; none is its own choice.
    pub(crate) fn polling(&self) -> Option<Duration> {
        self.polling
    }

    /// The port of this name: chosen when it is first asked for, then the same.
    pub(crate) fn port(&self, name: &str) -> Result<SocketAddr> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(port) = ports.get(name) {
            return Ok((Ipv4Addr::LOCALHOST, *port).into());
        }
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let port = reserved.reserve()?;
        ports.insert(name.to_owned(), port);
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }

    /// Makes a name stand for a port that something else chose.
    pub(crate) fn name_port(&self, name: &str, port: u16) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.insert(name.to_owned(), port);
    }

    /// Where `from` finds `to`: a port of ours on the way.
    pub(crate) fn link(&self, from: &str, to: &str) -> Result<SocketAddr> {
        Ok(self.way(from, to)?.address())
    }

    /// The way from one component to another.
    pub(crate) fn way(&self, from: &str, to: &str) -> Result<Arc<Link>> {
        let target = self.port(to)?;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (from.to_owned(), to.to_owned());
        if let Some(link) = links.get(&key) {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(Link::open(&self.runtime, target)?);
        links.insert(key, Arc::clone(&link));
        Ok(link)
    }

    /// The ways that components were given, from and to.
    pub(crate) fn ways(&self) -> Vec<(String, String)> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.keys().cloned().collect()
    }

    /// The file with which a client finds the API server, by a way of its own.
    pub(crate) fn kubeconfig(&self, client: &str) -> Result<String> {
        let name = format!("kubeconfigs/{client}");
        // The same each time; a client may be reading it.
        if !self.folder.join(&name).exists() {
            let server = self.link(client, "kube-apiserver")?;
            self.write(&name, &self.kubeconfig_text(server))?;
        }
        Ok(self.file(&name))
    }

    fn kubeconfig_text(&self, server: SocketAddr) -> String {
        // JSON is YAML.
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "testbed",
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}],
            "clusters": [{"name": "testbed", "cluster": {
                "server": format!("https://{server}"),
                "certificate-authority": self.file("certificates/ca.crt"),
            }}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
        })
        .to_string()
    }
}
