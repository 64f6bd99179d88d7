//! The processes of a testbed: started so that they cannot outlive it.
//!
//! Each is the head of a process group and asks the kernel to be killed when the thread that started
//! it ends (`setpriv --pdeathsig`, of Debian's util-linux). That thread is one of its own, since the
//! kernel means the thread, not the process. What a group's head leaves behind when it is killed, and
//! the folder of the testbed, is cleared by a shell that waits for the end of our process.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often it is looked whether a process has ended.
const GLANCE: Duration = Duration::from_millis(10);

/// What is to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its environment beside `PATH`, `HOME` and `TMPDIR`.
    pub(crate) env: Vec<(&'static str, String)>,
}

impl Launch {
    pub(crate) fn new(program: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            args: Vec::new(),
            env: Vec::new(),
        }
    }

    pub(crate) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// Starts processes, and is their parent for the kernel.
#[derive(Debug)]
pub(crate) struct Starter {
    orders: mpsc::Sender<Order>,
    folder: PathBuf,
    path: String,
}

impl Starter {
    /// `folder` is the testbed's, and where the programs look for a home; `path` is their `PATH`.
    pub(crate) fn new(folder: &Path, path: String) -> Result<Self> {
        let (orders, received) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("testbed-parent".into())
            .spawn(move || {
                for (mut command, reply) in received {
                    let _ = reply.send(command.spawn());
                }
            })
            .context("cannot start a thread")?;
        Ok(Self {
            orders,
            folder: folder.to_path_buf(),
            path,
        })
    }

    /// Starts a process whose output goes to the end of a log.
    pub(crate) fn start(&self, launch: &Launch, log: &Path) -> Result<Process> {
        let open = || -> Result<File> {
            File::options()
                .create(true)
                .append(true)
                .open(log)
                .with_context(|| format!("cannot write {}", log.display()))
        };
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&launch.program)
            .args(&launch.args)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", &self.folder)
            .env("TMPDIR", self.folder.join("tmp"))
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(open()?)
            .stderr(open()?)
            .process_group(0);
        let (reply, answer) = mpsc::channel();
        self.orders
            .send((command, reply))
            .ok()
            .context("the testbed has ended")?;
        let child = answer
            .recv()
            .context("the testbed has ended")?
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        let group = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process without a number")?;
        self.note(group)?;
        Ok(Process {
            child,
            group,
            log: log.to_path_buf(),
        })
    }

    /// Writes the group where the [`Broom`] finds it.
    fn note(&self, group: Pid) -> Result<()> {
        let path = self.folder.join(GROUPS);
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{}", group.as_raw_nonzero())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A process and its group. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
    log: PathBuf,
}

impl Process {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Stops it in its tracks, as a machine that hangs.
    pub(crate) fn pause(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it: asks, and after `patience` kills.
    pub(crate) fn stop(&mut self, patience: Duration) {
        // A paused process hears nothing.
        let _ = self.resume();
        let _ = self.signal(Signal::TERM);
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.ended().is_some() {
                break;
            }
            std::thread::sleep(GLANCE);
        }
        self.kill();
    }

    /// Ends it and what it started, now.
    pub(crate) fn kill(&mut self) {
        let _ = self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Ends it and all that came of it, now: what it started may have left its group.
    pub(crate) fn kill_tree(&mut self) {
        // First: whose parent has ended is nobody's child.
        let tree = descendants(self.group);
        self.kill();
        for process in tree {
            // It may have ended with its parent.
            let _ = kill_process(process, Signal::KILL);
        }
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process_group(self.group, signal).context("the process has ended")
    }

    /// What is known of an end that nobody asked for.
    pub(crate) fn obituary(&self, name: &str, status: ExitStatus) -> anyhow::Error {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (None, None) => "ended".to_owned(),
        };
        let told = format!("{name} {how}{}", last_words(&self.log));
        if told.to_lowercase().contains("address already in use") {
            return PortTaken(told).into();
        }
        anyhow::anyhow!(told)
    }
}

/// Every process that came of one.
fn descendants(of: Pid) -> Vec<Pid> {
    let listed = fs::read_dir("/proc").into_iter().flatten();
    let all: Vec<(Pid, i32)> = listed
        .filter_map(|entry| {
            let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // The name may hold anything; after it come the state and the parent.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((Pid::from_raw(id)?, parent.parse().ok()?))
        })
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|pid| pid.as_raw_nonzero().get()) {
        found.extend(all.iter().filter(|one| one.1 == parent).map(|one| one.0));
        next += 1;
    }
    found.split_off(1)
}

/// The end of a process whose port somebody else had opened meanwhile.
#[derive(Debug)]
pub(crate) struct PortTaken(String);

impl std::fmt::Display for PortTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PortTaken {}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of a log, for an error.
pub(crate) fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(6)..];
    let mut words = format!("; its log is {}", log.display());
    for line in last {
        words += "\n  ";
        words.extend(line.chars().take(400));
    }
    words
}

/// The file with every group that was started.
const GROUPS: &str = "groups";

/// What the shell does when our end of its input closes: removes the folder, and unless it was told
/// that all processes have ended kills them first. Argo CD takes all rights from its folders of
/// repositories.
const SWEEP: &str = r#"
trap '' TERM INT HUP
read -r word
if [ "$word" != ended ]; then
  while read -r group; do kill -s KILL -- "-$group" 2>/dev/null; done <"$1/groups"
fi
chmod -R u+rwX "$1"
rm -rf "$1"
"#;

/// Clears up, also after a process that could not do so itself.
#[derive(Debug)]
pub(crate) struct Broom {
    shell: Child,
}

impl Broom {
    /// Waits beside the testbed in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let path = folder.join(GROUPS);
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let shell = Command::new("sh")
            .args(["-c", SWEEP, "sweep"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start `sh`")?;
        Ok(Self { shell })
    }

    /// The processes have ended: removes the folder.
    pub(crate) fn dismiss(&mut self) -> Result<()> {
        let Some(mut input) = self.shell.stdin.take() else {
            bail!("dismissed twice");
        };
        input.write_all(b"ended\n")?;
        drop(input);
        self.shell.wait()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starter(folder: &Path) -> Starter {
        fs::create_dir_all(folder.join("tmp")).unwrap();
        Starter::new(folder, "/usr/bin:/bin".into()).unwrap()
    }

    fn shell(script: &str) -> Launch {
        Launch::new(Path::new("/bin/sh")).args(["-c", script])
    }

    fn is_alive(id: u32) -> bool {
        // A zombie has ended; only its parent has not looked yet.
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" Z"))
        })
    }

    fn wait_for(what: impl Fn() -> bool) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if what() {
                return true;
            }
            std::thread::sleep(GLANCE);
        }
        false
    }

    #[test]
    fn a_process_takes_what_it_started_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let starter = starter(folder.path());
        let log = folder.path().join("log");
        let mut process = starter
            .start(&shell("sleep 1000 & echo $!; wait"), &log)
            .unwrap();
        assert!(wait_for(
            || fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n'))
        ));
        let inner: u32 = fs::read_to_string(&log).unwrap().trim().parse().unwrap();
        assert!(is_alive(inner));
        process.kill();
        assert!(wait_for(|| !is_alive(inner)));
    }

    #[test]
    fn what_left_its_group_ends_with_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let starter = starter(folder.path());
        let log = folder.path().join("log");
        let mut process = starter
            .start(&shell("setsid sh -c 'echo $$; sleep 1000' & wait"), &log)
            .unwrap();
        assert!(wait_for(
            || fs::read_to_string(&log).is_ok_and(|text| text.ends_with('\n'))
        ));
        let inner: u32 = fs::read_to_string(&log).unwrap().trim().parse().unwrap();
        process.kill_tree();
        assert!(wait_for(|| !is_alive(inner)));
    }

    #[test]
    fn a_paused_process_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let starter = starter(folder.path());
        let log = folder.path().join("log");
        let mut process = starter.start(&shell("sleep 1000"), &log).unwrap();
        process.pause().unwrap();
        let id = process.id();
        process.stop(Duration::from_secs(5));
        assert!(!is_alive(id));
    }

    #[test]
    fn an_early_end_is_told_with_the_last_lines_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let starter = starter(folder.path());
        let log = folder.path().join("log");
        let mut process = starter
            .start(&shell("echo the port is taken; exit 3"), &log)
            .unwrap();
        let status = process.child.wait().unwrap();
        let told = process.obituary("etcd", status).to_string();
        assert!(told.contains("etcd ended with exit code 3"), "{told}");
        assert!(told.contains("the port is taken"), "{told}");
        assert!(told.contains(&log.display().to_string()), "{told}");
    }

    #[test]
    fn the_broom_clears_up_after_an_end_without_a_word() {
        let place = tempfile::tempdir().unwrap();
        let (folder, log) = (place.path().join("bed"), place.path().join("etcd.log"));
        fs::create_dir_all(&folder).unwrap();
        let starter = starter(&folder);
        let mut broom = Broom::new(&folder).unwrap();
        let process = starter
            .start(&shell("echo hello; exec sleep 1000"), &log)
            .unwrap();
        assert!(wait_for(
            || fs::read_to_string(&log).is_ok_and(|text| text.contains("hello"))
        ));
        // As the kernel does it when our process dies.
        drop(broom.shell.stdin.take());
        broom.shell.wait().unwrap();
        assert!(!folder.exists());
        let id = process.id();
        assert!(wait_for(|| !is_alive(id)));
    }
}
