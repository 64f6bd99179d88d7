//! What Kubernetes is told to run: each change of it, by a watch that misses none.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::outage::{GOOD, Outage, wait};

/// Something that was seen of an object that names a version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    at: Instant,
    object: String,
    version: String,
}

/// A watch of a service's Deployment or, for a Rollout, of its pods.
pub(crate) struct Wanted {
    child: Child,
    is_rollout: bool,
    bad: String,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Wanted {
    /// Begins to watch the bad version.
    pub(crate) fn watch(outage: &Outage<'_>) -> Result<Self> {
        let (service, is_rollout) = (outage.point.service, outage.point.is_rollout());
        let label = format!("app={service}");
        // An aborted Rollout wants the bad version all the time; its pods tell.
        let (what, image) = if is_rollout {
            (vec!["pods", "-l", &label], ".spec.containers[0].image")
        } else {
            let image = ".spec.template.spec.containers[0].image";
            (vec!["deployment", service], image)
        };
        let form = format!("jsonpath={{.metadata.name}} {{{image}}}{{\"\\n\"}}");
        let mut child = Command::new(outage.bed.programs().join("kubectl"))
            .env("KUBECONFIG", outage.bed.kubeconfig()?)
            .args(["get", "-n", outage.scene.name(), "--watch", "-o", &form])
            .args(what)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("kubectl could not be started")?;
        let stdout = child.stdout.take().context("no pipe")?;
        let said = Arc::<Mutex<Vec<Said>>>::default();
        let heard = Arc::clone(&said);
        std::thread::spawn(move || listen(stdout, &heard));
        let wanted = Self {
            child,
            is_rollout,
            bad: outage.bad.clone(),
            said,
        };
        wait("the watch has begun", || {
            Ok(wanted.all().iter().any(|said| said.version == wanted.bad))
        })?;
        Ok(wanted)
    }

    fn all(&self) -> Vec<Said> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    /// When the bad version was wanted again after the good one was; `changed` is when the cluster had been
    /// changed.
    ///
    /// # Errors
    /// It was not watched to the end.
    pub(crate) fn came_back(mut self, changed: Instant) -> Result<Option<Instant>> {
        ensure!(self.child.try_wait()?.is_none(), "the watch has ended");
        let said = self.all();
        Ok(if self.is_rollout {
            new_bad_pod(&said, &self.bad, changed)
        } else {
            bad_after_good(&said, &self.bad)
        })
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(stdout: ChildStdout, heard: &Mutex<Vec<Said>>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let at = Instant::now();
        if let Some((object, version)) = read(&line) {
            let mut said = heard.lock().unwrap_or_else(PoisonError::into_inner);
            said.push(Said {
                at,
                object,
                version,
            });
        }
    }
}

/// `NAME IMAGE:VERSION`.
fn read(line: &str) -> Option<(String, String)> {
    let (object, image) = line.trim().split_once(' ')?;
    let (_, version) = image.rsplit_once(':')?;
    Some((object.to_owned(), version.to_owned()))
}

fn bad_after_good(said: &[Said], bad: &str) -> Option<Instant> {
    let mut after = said.iter().skip_while(|said| said.version != GOOD);
    after.find(|said| said.version == bad).map(|said| said.at)
}

/// A pod of the bad version that was not there before.
fn new_bad_pod(said: &[Said], bad: &str, changed: Instant) -> Option<Instant> {
    let is_known = |pod: &Said| {
        said.iter()
            .any(|other| other.object == pod.object && other.at <= changed)
    };
    let new = said.iter().find(|pod| pod.version == bad && !is_known(pod));
    new.map(|pod| pod.at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(start: Instant, all: &[(u64, &str, &str)]) -> Vec<Said> {
        let one = |&(seconds, object, version): &(u64, &str, &str)| Said {
            at: start + Duration::from_secs(seconds),
            object: object.into(),
            version: version.into(),
        };
        all.iter().map(one).collect()
    }

    #[test]
    fn a_deployment_relapses_when_it_wants_the_bad_version_after_the_good_one() {
        let start = Instant::now();
        let bad = "v15-crash";
        let well = said(start, &[(0, "d", bad), (1, "d", bad), (2, "d", GOOD)]);
        assert_eq!(bad_after_good(&well, bad), None);
        let ill = said(
            start,
            &[(0, "d", bad), (2, "d", GOOD), (3, "d", bad), (4, "d", GOOD)],
        );
        assert_eq!(bad_after_good(&ill, bad), Some(ill[2].at));
    }

    #[test]
    fn a_rollout_relapses_when_it_makes_another_bad_pod() {
        let start = Instant::now();
        let changed = start + Duration::from_secs(2);
        let bad = "v15-crash";
        let well = said(start, &[(1, "a", bad), (3, "a", bad), (4, "b", GOOD)]);
        assert_eq!(new_bad_pod(&well, bad, changed), None);
        let ill = said(start, &[(1, "a", bad), (3, "b", GOOD), (4, "c", bad)]);
        assert_eq!(new_bad_pod(&ill, bad, changed), Some(ill[2].at));
    }

    #[test]
    fn lines_of_the_watch_are_read() {
        let read = read("checkout-5f acme/checkout:v14 ").unwrap();
        assert_eq!(read, ("checkout-5f".to_owned(), "v14".to_owned()));
    }
}
