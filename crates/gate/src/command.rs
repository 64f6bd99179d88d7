//! A command in a group of its own, ended with all that it started when its time is over.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ripcord_domain::gate::Command;

use crate::group::Group;
use crate::secrets::{masked, secrets};

/// Lines that are kept for the record.
const LAST: usize = 20;
/// Letters of a line that are kept.
const LONGEST: usize = 400;
/// Bytes of a log that are kept: a test that prints without end must not fill the disk.
const MOST: u64 = 64 * 1024 * 1024;
/// How often it is looked whether a command ended.
const GLANCE: Duration = Duration::from_millis(20);
/// How long output is waited for after the command itself ended: what it left behind may hold the pipe.
const DRAIN: Duration = Duration::from_secs(2);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None where its time was over.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) seconds: f64,
    /// The last lines of what it printed, without secrets.
    pub(crate) last_lines: Vec<String>,
}

impl Ended {
    /// How it ended, in words; none where it ended well.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self.status {
            None => Some("its time was over".to_owned()),
            Some(status) if status.success() => None,
            Some(status) => Some(match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("ended by signal {signal}"),
                (None, None) => "it did not end well".to_owned(),
            }),
        }
    }
}

/// What a command runs with.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) variables: &'a [(&'static str, String)],
    /// Variables of ours, by their names, that it does not get.
    pub(crate) without: fn(&str) -> bool,
    pub(crate) time_box: Duration,
    /// Where all of its output goes.
    pub(crate) log: &'a Path,
}

/// Runs a command to its end or to the end of its time.
///
/// # Errors
/// Its log cannot be written, or it cannot be started.
pub(crate) fn run(command: &Command, place: &Place<'_>) -> std::io::Result<Ended> {
    let started = Instant::now();
    let log = Arc::new(Mutex::new(Log::open(place.log, MOST)?));
    let mut group = Group::start(&mut prepared(command, place))?;
    let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
    let readers = [
        out.map(|pipe| read(pipe, log.clone())),
        err.map(|pipe| read(pipe, log.clone())),
    ];
    let status = loop {
        if let Some(status) = group.child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() >= place.time_box {
            // What a test started itself hangs on too: the whole group goes.
            group.end();
            break None;
        }
        thread::sleep(GLANCE);
    };
    let seconds = started.elapsed().as_secs_f64();
    let until = Instant::now() + DRAIN;
    for reader in readers.into_iter().flatten() {
        while !reader.is_finished() && Instant::now() < until {
            thread::sleep(GLANCE);
        }
    }
    // Whatever it left behind has no business after the gate.
    drop(group);
    let last_lines = log
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .last
        .iter()
        .cloned()
        .collect();
    Ok(Ended {
        status,
        seconds,
        last_lines,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the gate runs the team's own commands, with the environment that their job has"
)]
fn prepared(command: &Command, place: &Place<'_>) -> std::process::Command {
    let mut prepared = match command {
        Command::Line(line) => {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", line]);
            shell
        }
        Command::Words(words) => {
            let mut words = words.iter();
            let mut program = std::process::Command::new(words.next().map_or("", String::as_str));
            program.args(words);
            program
        }
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(place.without) {
            prepared.env_remove(name);
        }
    }
    prepared
        .current_dir(place.folder)
        .envs(place.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    prepared
}

/// A log with the last lines at hand.
struct Log {
    file: File,
    /// Bytes that may still be written.
    left: u64,
    last: VecDeque<String>,
    secrets: Vec<String>,
}

impl Log {
    fn open(path: &Path, most: u64) -> std::io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            left: most,
            last: VecDeque::with_capacity(LAST),
            secrets: secrets(std::env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            })),
        })
    }

    fn write(&mut self, text: &str) {
        if self.left == 0 {
            return;
        }
        let bytes = text.len() as u64 + 1;
        let text = if bytes > self.left {
            self.left = 0;
            "… the log is full: what follows is left out"
        } else {
            self.left -= bytes;
            text
        };
        let _ = writeln!(self.file, "{text}");
    }

    fn add(&mut self, line: &[u8]) {
        let text = masked(&String::from_utf8_lossy(line), &self.secrets);
        self.write(&text);
        if text.trim().is_empty() {
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        let short: String = text
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .take(LONGEST)
            .collect();
        self.last.push_back(short);
    }
}

/// Reads a pipe line by line. One that never ends a line is cut.
fn read(mut pipe: impl Read + Send + 'static, log: Arc<Mutex<Log>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (mut line, mut buffer) = (Vec::new(), [0_u8; 8192]);
        while let Ok(count) = pipe.read(&mut buffer) {
            if count == 0 {
                break;
            }
            for byte in &buffer[..count] {
                if *byte == b'\n' || line.len() >= 16 * LONGEST {
                    log.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(&line);
                    line.clear();
                }
                if *byte != b'\n' {
                    line.push(*byte);
                }
            }
        }
        if !line.is_empty() {
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(&line);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Command {
        Command::Line(text.to_owned())
    }

    fn place<'a>(folder: &'a Path, log: &'a Path) -> Place<'a> {
        Place {
            folder,
            variables: &[],
            without: |_| false,
            time_box: Duration::from_secs(10),
            log,
        }
    }

    #[test]
    fn a_command_whose_log_cannot_be_written_is_not_left_to_run() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("absent/x.log");
        let ended = run(&line("touch begun"), &place(folder.path(), &log));
        assert!(ended.is_err());
        thread::sleep(Duration::from_millis(300));
        assert!(!folder.path().join("begun").exists());
    }

    #[test]
    fn a_group_that_nobody_holds_any_more_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("x.log");
        let late = line("(sleep 0.5; touch late) & sleep 600");
        let group = Group::start(&mut prepared(&late, &place(folder.path(), &log))).unwrap();
        drop(group);
        thread::sleep(Duration::from_secs(1));
        assert!(!folder.path().join("late").exists());
    }

    #[test]
    fn a_log_ends_where_it_is_full_and_the_last_lines_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = Log::open(&path, 1000).unwrap();
        for number in 0..500 {
            log.add(format!("line {number}").as_bytes());
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written.len() < 1100, "{} bytes", written.len());
        assert!(written.starts_with("line 0\nline 1\n"), "{written}");
        assert!(written.ends_with("left out\n"), "{written}");
        assert_eq!(log.last.back().unwrap(), "line 499");
        assert_eq!(log.last.len(), LAST);
    }
}
