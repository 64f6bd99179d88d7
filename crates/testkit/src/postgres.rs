//! A real PostgreSQL, whose server processes can be killed and started again on the same files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// The password of the user `ripcord`; no other text in these tests contains it.
const PASSWORD: &str = "open-sesame";
/// The number in the name of the socket. Nothing listens on a port, so that none can be taken.
const PORT: u16 = 5432;
/// After a crash the files may be in use until its last process is gone.
const TRIES: usize = 50;

/// A PostgreSQL of its own, over a Unix socket. It stops when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    /// The user that it runs as where the test is root, which it refuses to run as.
    user: Option<(u32, u32)>,
    running: Option<Child>,
}

impl PostgresServer {
    /// Makes an empty one and starts it.
    ///
    /// Fails, and does not skip, where PostgreSQL is not installed.
    pub fn start() -> Result<Self> {
        let mut server = Self {
            folder: tempfile::Builder::new().prefix("pg-").tempdir()?,
            programs: programs()?,
            user: None,
            running: None,
        };
        let password = server.folder.path().join("password");
        fs::write(&password, PASSWORD)?;
        if id(&["-u"])? == 0 {
            let nobody = (id(&["-u", "nobody"])?, id(&["-g", "nobody"])?);
            for path in [server.folder.path(), &password] {
                chown(path, Some(nobody.0), Some(nobody.1))?;
            }
            server.user = Some(nobody);
        }
        let mut made = server.command("initdb");
        made.args(["--username=ripcord", "--auth=scram-sha-256", "--no-sync"]);
        made.args(["--encoding=UTF8", "--locale=C"]).arg("--pwfile");
        let made = made.arg(&password).output().context("cannot run initdb")?;
        ensure!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        server.start_again()?;
        Ok(server)
    }

    /// Starts it on the files that it had.
    pub fn start_again(&mut self) -> Result<()> {
        let mut said = String::new();
        for _ in 0..TRIES {
            let mut command = self.command("postgres");
            command.arg("-k").arg(self.folder.path());
            command.args(["-c", "listen_addresses=", "-p", &PORT.to_string()]);
            command.args(["-c", "fsync=off", "-c", "shared_buffers=16MB"]);
            let mut child = command
                .stderr(Stdio::piped())
                .spawn()
                .context("cannot run postgres")?;
            let log = child.stderr.take().context("postgres has no log")?;
            let mut lines = BufReader::new(log).lines();
            said.clear();
            while let Some(Ok(line)) = lines.next() {
                if line.contains("database system is ready to accept connections") {
                    // What nobody reads would stop it once the pipe is full.
                    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                    self.running = Some(child);
                    return Ok(());
                }
                said.push_str(&line);
                said.push('\n');
            }
            child.wait()?;
        }
        bail!("postgres does not start: {said}")
    }

    /// Ends all its processes at once, as a loss of power does.
    pub fn crash(&mut self) -> Result<()> {
        let Some(mut server) = self.running.take() else {
            return Ok(());
        };
        let pid = server.id();
        let others = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        server.kill()?;
        server.wait()?;
        for other in others.split_whitespace() {
            // One that is gone already is as it should be.
            let _ = kill("-KILL", other)?;
        }
        Ok(())
    }

    /// Makes an empty database and gives its URL.
    pub fn database(&self, name: &str) -> Result<String> {
        let mut command = self.command("psql");
        command.env("PGPASSWORD", PASSWORD).args(["-X", "-q", "-h"]);
        command.arg(self.folder.path()).args(["-U", "ripcord"]);
        command.args(["-d", "postgres", "-c"]);
        let made = command.arg(format!("CREATE DATABASE {name}")).output()?;
        ensure!(
            made.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let host = self.folder.path().display().to_string().replace('/', "%2F");
        Ok(format!("postgres://ripcord:{PASSWORD}@{host}/{name}"))
    }

    /// The socket that it listens at.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{PORT}"))
    }

    /// The URL of a database over TCP, where something on loopback passes `port` on to [`Self::socket`].
    pub fn url_at(&self, port: u16, name: &str) -> String {
        format!("postgres://ripcord:{PASSWORD}@127.0.0.1:{port}/{name}")
    }

    /// The password in its URLs.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env_clear()
            .env("PATH", &self.programs)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("PGDATA", self.folder.path().join("data"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(mut server) = self.running.take() {
            // Immediate shutdown: it ends its other processes and frees what it shares with them.
            let asked = kill("-QUIT", &server.id().to_string());
            if !asked.is_ok_and(|asked| asked) {
                let _ = server.kill();
            }
            let _ = server.wait();
        }
    }
}

/// Where the server's programs are: Debian keeps those of each version apart, off the PATH.
fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| {
            let versions = versions.filter_map(Result::ok);
            versions.map(|one| one.path().join("bin")).collect()
        })
        .unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let all = |folder: &PathBuf| {
        let has = |program: &str| Path::is_file(&folder.join(program));
        ["initdb", "postgres", "psql"].into_iter().all(has)
    };
    let found = folders.into_iter().find(all);
    found.context("initdb, postgres and psql are missing: install postgresql")
}

fn id(args: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(args).output()?;
    let id = String::from_utf8(output.stdout)?;
    id.trim().parse().context("id printed no number")
}

fn kill(signal: &str, pid: &str) -> Result<bool> {
    let mut command = Command::new("kill");
    command.args([signal, pid]).stderr(Stdio::null());
    Ok(command.status()?.success())
}
