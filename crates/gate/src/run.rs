//! The gate from its first check to its record.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::gate::{
    Build, CheckPolicy, Checked, Command, GatePolicy, Override, Record, SCHEMA, Skipped, Verdict,
};
use ripcord_domain::hotfix::HotfixName;
use ripcord_domain::hotfix::payload::is_digest;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::time_span;

use crate::command::{self, Ended, Place};
use crate::defaults::unit_tests;
use crate::scan::{Asked, Scanned, What, scan, slug};
use crate::{group, signals};

const CHECK: Duration = Duration::from_mins(10);
const BUILD: Duration = Duration::from_mins(20);
const SIGN: Duration = Duration::from_mins(2);

/// The names of what the gate does besides the configured checks.
const SOURCES: &str = "source scan";
const IMAGE: &str = "image scan";
const BUILT: &str = "build and push";
const SIGNED: &str = "signature";

/// A gate to be gone through.
pub struct Gate<'a> {
    /// The policy.
    pub policy: &'a GatePolicy,
    /// The sources.
    pub folder: &'a Path,
    /// Where logs and reports go.
    pub out: &'a Path,
    /// The hotfix, where the branch names one.
    pub hotfix: Option<HotfixName>,
    /// The commit that the folder holds, in hex.
    pub commit: &'a str,
    /// Where it left the main line, in hex.
    pub base: Option<String>,
    /// The address of the repository, without credentials.
    pub repository: Option<String>,
    /// Checks that a person drops or overrides, and why.
    pub overrides: &'a [(String, String)],
    /// Who stands for it.
    pub by: &'a str,
    /// The time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
}

/// What is told while it runs.
#[derive(Clone, Debug)]
pub enum Event {
    /// A check begins.
    Began(String),
    /// A check ended.
    Ended(Box<Checked>),
}

/// Goes through the gate. A gate that stops is a record too.
///
/// # Errors
/// The policy cannot be: an unknown time, a check that may not be dropped, no checks. Or a signal ended it, with all
/// that it had started.
pub fn run(gate: &Gate<'_>, tell: &mut (dyn FnMut(&Event) + Send)) -> Result<Record, Problem> {
    let started = (gate.clock)();
    let clock = Instant::now();
    let policy = gate.policy;
    let checks = if policy.checks.is_empty() {
        vec![unit_tests(gate.folder)?]
    } else {
        policy.checks.clone()
    };
    let dropped = dropped(gate, &checks)?;
    let times = Times::of(policy, &checks)?;
    std::fs::create_dir_all(gate.out).map_err(|error| {
        Problem::new(
            Kind::Local,
            "cannot_write",
            format!("{} cannot be written: {error}", gate.out.display()),
        )
    })?;
    signals::watch().map_err(|error| {
        let words = format!("signals cannot be listened for: {error}");
        Problem::new(Kind::Local, "no_signals", words)
    })?;
    let runner = Runner {
        gate,
        times: &times,
        told: Mutex::new(Vec::new()),
    };
    let (sender, receiver) = mpsc::channel::<Event>();
    let (mut all, built) = thread::scope(|scope| {
        let runner = &runner;
        let work = scope.spawn(move || runner.all(&checks, &dropped, &sender));
        for event in receiver {
            tell(&event);
        }
        work.join()
    })
    .map_err(|_| Problem::new(Kind::Internal, "gate_panicked", "the gate itself failed"))?;
    if let Some(signal) = group::ended_by() {
        let words = format!("the gate was ended by {signal}, with all that it had started");
        return Err(Problem::new(Kind::Local, "interrupted", words));
    }
    let mut overrides = Vec::new();
    let mut is_outage = false;
    for (checked, outage) in &mut all {
        is_outage |= *outage;
        let asked = gate
            .overrides
            .iter()
            .find(|(name, _)| *name == checked.name);
        if let Some((name, reason)) = asked
            && (checked.verdict == Verdict::Dropped || checked.verdict.may_be_overridden())
        {
            overrides.push(Override {
                check: name.clone(),
                verdict: checked.verdict,
                by: gate.by.to_owned(),
                reason: reason.clone(),
                at: (gate.clock)(),
            });
            // Nothing is known of the content: it is scanned when the scanner is back.
            is_outage |= checked.verdict.may_be_overridden();
        }
    }
    let mut record = Record {
        schema: SCHEMA,
        hotfix: gate.hotfix.clone(),
        commit: gate.commit.to_owned(),
        base: gate.base.clone(),
        repository: gate.repository.clone(),
        started,
        seconds: rounded(clock.elapsed().as_secs_f64()),
        passed: false,
        checks: all.into_iter().map(|(checked, _)| checked).collect(),
        image: policy.build.as_ref().map(|build| build.image.clone()),
        tag: policy
            .build
            .as_ref()
            .map(|build| tag_of(build, gate.commit)),
        digest: built,
        skipped: skipped(policy),
        overrides,
        rescan_owed: is_outage,
        signed_off_by: gate.by.to_owned(),
        ripcord: env!("CARGO_PKG_VERSION").to_owned(),
    };
    record.passed = record.stopped_by().is_none();
    Ok(record)
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn tag_of(build: &Build, commit: &str) -> String {
    let tag = build.tag.as_deref().unwrap_or("hotfix-{commit}");
    tag.replace("{commit}", commit)
}

fn skipped(policy: &GatePolicy) -> Vec<Skipped> {
    let each = policy.normal.iter().map(|one| Skipped {
        name: one.name.clone(),
        context: one.context.clone().unwrap_or_else(|| one.name.clone()),
    });
    each.collect()
}

/// The checks that a person drops, each of which may be.
fn dropped(gate: &Gate<'_>, checks: &[CheckPolicy]) -> Result<Vec<String>, Problem> {
    let mut names = Vec::new();
    for (name, reason) in gate.overrides {
        if reason.trim().is_empty() {
            return Err(Problem::new(
                Kind::Usage,
                "reason_missing",
                format!("to decide about `{name}` needs a reason"),
            ));
        }
        if [SOURCES, IMAGE].contains(&name.as_str()) {
            continue;
        }
        match checks.iter().find(|check| check.name == *name) {
            Some(check) if check.droppable => names.push(name.clone()),
            Some(_) => {
                return Err(Problem::new(
                    Kind::Refused,
                    "not_droppable",
                    format!("`{name}` is never dropped: the policy does not say `droppable: true`"),
                ));
            }
            None => {
                let known: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
                return Err(Problem::new(
                    Kind::Usage,
                    "unknown_check",
                    format!(
                        "there is no check `{name}`; there are: {}, {SOURCES}, {IMAGE}",
                        known.join(", ")
                    ),
                ));
            }
        }
    }
    Ok(names)
}

/// Times of the policy, read before anything runs.
struct Times {
    checks: Vec<Duration>,
    scan: Duration,
    oldest: SignedDuration,
    build: Duration,
    sign: Duration,
}

impl Times {
    fn of(policy: &GatePolicy, checks: &[CheckPolicy]) -> Result<Self, Problem> {
        let read = |field: &str, text: Option<&String>, default: Duration| match text {
            None => Ok(default),
            Some(text) => {
                let time = time_span::read(field, text)?;
                Ok(Duration::try_from(time).unwrap_or(default))
            }
        };
        let build = policy
            .build
            .as_ref()
            .and_then(|build| build.time_box.as_ref());
        let sign = policy.sign.as_ref().and_then(|sign| sign.time_box.as_ref());
        Ok(Self {
            checks: checks
                .iter()
                .map(|check| read("gate.checks.time_box", check.time_box.as_ref(), CHECK))
                .collect::<Result<_, _>>()?,
            scan: read("gate.scan.time_box", Some(&policy.scan.time_box), CHECK)?,
            oldest: time_span::read("gate.scan.database_at_most", &policy.scan.database_at_most)?,
            build: read("gate.build.time_box", build, BUILD)?,
            sign: read("gate.sign.time_box", sign, SIGN)?,
        })
    }
}

struct Runner<'a> {
    gate: &'a Gate<'a>,
    times: &'a Times,
    told: Mutex<Vec<String>>,
}

/// A check, and whether its scanner went by an older database.
type Outcome = (Checked, bool);

impl Runner<'_> {
    /// Everything, in the order of its dependencies; the digest of the image.
    fn all(
        &self,
        checks: &[CheckPolicy],
        dropped: &[String],
        tell: &Sender<Event>,
    ) -> (Vec<Outcome>, Option<String>) {
        let policy = self.gate.policy;
        let mut all: Vec<Outcome> = thread::scope(|scope| {
            let scanning = scope.spawn(|| self.scan(SOURCES, What::Sources, tell));
            let checking: Vec<_> = checks
                .iter()
                .zip(&self.times.checks)
                .map(|(check, time)| {
                    let is_dropped = dropped.contains(&check.name);
                    let run = move || (self.check(check, *time, is_dropped, tell), false);
                    (check, scope.spawn(run))
                })
                .collect();
            let mut all: Vec<Outcome> = checking
                .into_iter()
                .map(|(check, one)| {
                    let lost = |_| (lost(&check.name, &check.run.to_string()), false);
                    one.join().unwrap_or_else(lost)
                })
                .collect();
            let lost = |_| (lost(SOURCES, ""), false);
            all.push(scanning.join().unwrap_or_else(lost));
            all
        });
        let may_go_on = all.iter().all(|(checked, _)| self.lets_go_on(checked));
        let Some(build) = &policy.build else {
            return (all, None);
        };
        if !may_go_on {
            all.push((not_run(BUILT, &build.run), false));
            return (all, None);
        }
        let (built, digest) = self.build(build, tell);
        all.push((built, false));
        let Some(digest) = digest else {
            return (all, None);
        };
        let image = format!("{}@{digest}", build.image);
        let mut may_be_signed = true;
        if policy.image_scan.unwrap_or(true) {
            let scanned = self.scan(IMAGE, What::Image(&image), tell);
            may_be_signed = self.lets_go_on(&scanned.0);
            all.push(scanned);
        }
        if let Some(sign) = &policy.sign {
            let fill = |text: &str| text.replace("{image}", &image);
            let run = match &sign.run {
                Command::Line(line) => Command::Line(fill(line)),
                Command::Words(words) => Command::Words(words.iter().map(|w| fill(w)).collect()),
            };
            // A signature outlives the gate: who checks it later does not ask what the scan found.
            let signed = if may_be_signed {
                self.plain(SIGNED, &run, self.times.sign, &[], tell).0
            } else {
                not_run(SIGNED, &run)
            };
            all.push((signed, false));
        }
        (all, Some(digest))
    }

    fn lets_go_on(&self, checked: &Checked) -> bool {
        let is_decided = |(name, _): &(String, String)| *name == checked.name;
        !checked.verdict.stops()
            || (checked.verdict.may_be_overridden() && self.gate.overrides.iter().any(is_decided))
    }

    fn check(
        &self,
        check: &CheckPolicy,
        time: Duration,
        is_dropped: bool,
        tell: &Sender<Event>,
    ) -> Checked {
        if is_dropped {
            let mut checked = not_run(&check.name, &check.run);
            checked.verdict = Verdict::Dropped;
            checked.why = Some("dropped by a person's decision".to_owned());
            let _ = tell.send(Event::Ended(Box::new(checked.clone())));
            return checked;
        }
        self.plain(&check.name, &check.run, time, &[], tell).0
    }

    /// A command that passes or fails.
    fn plain(
        &self,
        name: &str,
        run: &Command,
        time_box: Duration,
        variables: &[(&'static str, String)],
        tell: &Sender<Event>,
    ) -> (Checked, Option<Ended>) {
        let _ = tell.send(Event::Began(name.to_owned()));
        let log = self.log_of(name);
        let place = Place {
            folder: self.gate.folder,
            variables,
            without: |_| false,
            time_box,
            log: &log,
        };
        let mut checked = not_run(name, run);
        checked.why = None;
        let ended = match command::run(run, &place) {
            Ok(ended) => {
                checked.seconds = rounded(ended.seconds);
                checked.last_lines.clone_from(&ended.last_lines);
                checked.why = ended.trouble();
                checked.verdict = match (ended.status, &checked.why) {
                    (None, _) => Verdict::TimedOut,
                    (Some(_), None) => Verdict::Passed,
                    (Some(_), Some(_)) => Verdict::Failed,
                };
                if checked.verdict == Verdict::TimedOut {
                    checked.why = Some(format!("ended after {} s", time_box.as_secs_f64()));
                }
                Some(ended)
            }
            Err(error) => {
                checked.verdict = Verdict::Failed;
                checked.why = Some(format!("it could not be started: {error}"));
                None
            }
        };
        let _ = tell.send(Event::Ended(Box::new(checked.clone())));
        (checked, ended)
    }

    fn log_of(&self, name: &str) -> PathBuf {
        // Two checks of the same name, or of names that look alike as files, have two logs.
        let mut told = self
            .told
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let base = slug(name);
        let again = told.iter().filter(|one| **one == base).count();
        told.push(base.clone());
        let name = if again == 0 {
            base
        } else {
            format!("{base}-{again}")
        };
        self.gate.out.join(format!("{name}.log"))
    }

    fn scan(&self, name: &str, what: What<'_>, tell: &Sender<Event>) -> Outcome {
        let _ = tell.send(Event::Began(name.to_owned()));
        let Scanned {
            mut checked,
            is_outage,
        } = scan(&Asked {
            policy: &self.gate.policy.scan,
            what,
            name,
            folder: self.gate.folder,
            out: self.gate.out,
            time_box: self.times.scan,
            oldest: self.times.oldest,
            now: (self.gate.clock)(),
        });
        checked.seconds = rounded(checked.seconds);
        let _ = tell.send(Event::Ended(Box::new(checked.clone())));
        (checked, is_outage)
    }

    /// Builds and pushes; the digest, where the command gave one.
    fn build(&self, build: &Build, tell: &Sender<Event>) -> (Checked, Option<String>) {
        let file = match &build.digest_file {
            Some(named) => self.gate.folder.join(named),
            None => self.gate.out.join("digest"),
        };
        let _ = std::fs::remove_file(&file);
        let variables = [
            ("RIPCORD_IMAGE", build.image.clone()),
            ("RIPCORD_TAG", tag_of(build, self.gate.commit)),
            ("RIPCORD_COMMIT", self.gate.commit.to_owned()),
            ("RIPCORD_DIGEST_FILE", file.display().to_string()),
        ];
        let (mut checked, _) = self.plain(BUILT, &build.run, self.times.build, &variables, tell);
        if checked.verdict != Verdict::Passed {
            return (checked, None);
        }
        let digest = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| digest_in(&text))
            .or_else(|| {
                checked
                    .last_lines
                    .iter()
                    .rev()
                    .find_map(|line| digest_in(line))
            });
        if digest.is_none() {
            checked.verdict = Verdict::Failed;
            checked.why = Some(
                "it ended well and gave no digest: write it to `$RIPCORD_DIGEST_FILE`, or print it last"
                    .to_owned(),
            );
        }
        (checked, digest)
    }
}

/// A check as it stands before it runs.
fn not_run(name: &str, run: &Command) -> Checked {
    Checked {
        name: name.to_owned(),
        command: run.to_string(),
        verdict: Verdict::NotRun,
        why: Some("something before it stopped the hotfix".to_owned()),
        seconds: 0.0,
        tool: None,
        findings: Vec::new(),
        found: 0,
        last_lines: Vec::new(),
    }
}

/// A check that nobody knows the end of, since its thread panicked. It did not pass, and no person may decide that it
/// did.
fn lost(name: &str, command: &str) -> Checked {
    Checked {
        verdict: Verdict::Failed,
        why: Some("ripcord itself failed here, which is a bug".to_owned()),
        ..not_run(name, &Command::Line(command.to_owned()))
    }
}

/// The last `sha256:…` in a text.
fn digest_in(text: &str) -> Option<String> {
    let at = text.rfind("sha256:")?;
    let digest: String = text[at..].chars().take("sha256:".len() + 64).collect();
    is_digest(&digest).then_some(digest)
}

#[cfg(test)]
#[path = "run/tests.rs"]
mod tests;
