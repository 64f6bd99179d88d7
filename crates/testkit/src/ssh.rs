//! A real sshd on loopback, for one user with one key.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};

use crate::scratch::Scratch;

/// sshd starts itself anew for each connection, for which it wants to be called by its full path.
const SSHD: &str = "/usr/sbin/sshd";
/// Compiled into Debian's sshd, which does not start as root without it.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

/// Repositories over ssh. It stops, and ends its connections, when dropped.
///
/// The port is ours and each connection is handed to an `sshd -i`, so that there is no moment at
/// which the port is chosen but sshd does not listen yet.
#[derive(Debug)]
pub struct SshServer {
    root: PathBuf,
    keys: PathBuf,
    address: SocketAddr,
    user: String,
    stopping: Arc<AtomicBool>,
    sessions: Arc<Mutex<Vec<Child>>>,
    thread: Option<JoinHandle<()>>,
}

impl SshServer {
    /// Serves the repositories under `root` to the user that runs the test.
    ///
    /// Fails, and does not skip, where openssh-server is not installed.
    pub fn start(scratch: &Scratch, root: &Path) -> Result<Self> {
        ensure!(
            Path::new(SSHD).is_file(),
            "{SSHD} is missing: install openssh-server"
        );
        let keys = tempfile::Builder::new()
            .prefix("ssh-")
            .tempdir_in(scratch.path())?
            .keep();
        for name in ["host_key", "user_key"] {
            let mut command = scratch.command("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(keys.join(name));
            ensure!(
                command.status().context("cannot run ssh-keygen")?.success(),
                "ssh-keygen"
            );
        }
        let user = scratch.command("id").arg("-un").output()?.stdout;
        let user = String::from_utf8(user)?.trim().to_owned();
        if user == "root" {
            fs::create_dir_all(PRIVILEGE_SEPARATION)
                .with_context(|| format!("sshd needs {PRIVILEGE_SEPARATION}"))?;
        }
        fs::copy(keys.join("user_key.pub"), keys.join("authorized_keys"))?;
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o700))?;
        let config = keys.join("sshd_config");
        fs::write(&config, configuration(&keys))?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let host_key = fs::read_to_string(keys.join("host_key.pub"))?;
        fs::write(
            keys.join("known_hosts"),
            format!("[{}]:{} {host_key}", address.ip(), address.port()),
        )?;
        let server = Self {
            root: root.canonicalize()?,
            address,
            user,
            stopping: Arc::default(),
            sessions: Arc::default(),
            thread: None,
            keys,
        };
        server.check(scratch, &config)?;
        server.accept(scratch.clone(), listener, config)
    }

    /// The URL of the repository `repo`, a path below the root.
    pub fn url(&self, repo: &str) -> String {
        let path = self.root.join(repo);
        format!("ssh://{}@{}{}", self.user, self.address, path.display())
    }

    /// The value of GIT_SSH_COMMAND with which git and ripcord get in, host key checked.
    pub fn git_ssh_command(&self) -> String {
        let keys = self.keys.display();
        format!(
            "ssh -F none -i {keys}/user_key -o IdentitiesOnly=yes -o BatchMode=yes \
             -o UserKnownHostsFile={keys}/known_hosts -o StrictHostKeyChecking=yes"
        )
    }

    /// What the sshd processes reported so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.keys.join("sshd.log"))?)
    }

    fn check(&self, scratch: &Scratch, config: &Path) -> Result<()> {
        let output = sshd(scratch, config).arg("-t").output()?;
        File::create(self.keys.join("sshd.log"))?;
        ensure!(
            output.status.success(),
            "sshd: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn accept(mut self, scratch: Scratch, listener: TcpListener, config: PathBuf) -> Result<Self> {
        let (stopping, sessions) = (Arc::clone(&self.stopping), Arc::clone(&self.sessions));
        let log = File::options()
            .append(true)
            .open(self.keys.join("sshd.log"))?;
        let thread = std::thread::Builder::new()
            .name("sshd".into())
            .spawn(move || {
                for stream in listener.incoming() {
                    if stopping.load(SeqCst) {
                        break;
                    }
                    let started = stream.and_then(|stream| {
                        let mut command = sshd(&scratch, &config);
                        command
                            .args(["-i", "-e"])
                            .stdin(OwnedFd::from(stream.try_clone()?));
                        command
                            .stdout(OwnedFd::from(stream))
                            .stderr(log.try_clone()?)
                            .spawn()
                    });
                    if let Ok(child) = started {
                        let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
                        // Those that have ended are asked for their end, or they stay as zombies.
                        sessions.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
                        sessions.push(child);
                    }
                }
            })?;
        self.thread = Some(thread);
        Ok(self)
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.stopping.store(true, SeqCst);
        // Wakes the thread, which waits for a connection.
        let woken = TcpStream::connect(self.address).is_ok();
        if let (Some(thread), true) = (self.thread.take(), woken) {
            let _ = thread.join();
        }
        for child in &mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn sshd(scratch: &Scratch, config: &Path) -> Command {
    let mut command = scratch.command(SSHD);
    command.arg("-f").arg(config).stdin(Stdio::null());
    command
}

fn configuration(keys: &Path) -> String {
    let keys = keys.display();
    format!(
        "\
HostKey {keys}/host_key
AuthorizedKeysFile {keys}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
LogLevel VERBOSE
AcceptEnv GIT_PROTOCOL
SetEnv GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
"
    )
}
