//! Two years of commits, in the proportions of a busy platform team.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::Result;
use fastrand::Rng;
use serde_json::{Value, json};

use super::estate::{self, Service, Version};
use super::office::{self, Kind};
use super::stream::{Mark, Stream};
use super::{Size, content};

const PRODUCTION: usize = 0;
const STAGING: usize = 1;
/// Of 1,000 commits, so many are on the first-parent line; the others are on PR branches.
const FIRST_PARENT: usize = 865;
const MERGES: usize = 88;
/// Of 1,000 commits on PR branches.
const DEPLOYS_ON_BRANCHES: usize = 378;
/// Of so many services besides the planted ones a plain last deploy is written down.
const DEPLOYED: usize = 1000;

struct History {
    stream: Stream,
    rng: Rng,
    environments: &'static [&'static str],
    services: Vec<Service>,
    /// How many of them change at random; the planted ones come behind.
    ordinary: usize,
    /// Production deploys that follow a staging deploy: at which position, what.
    due: VecDeque<(usize, usize, Version)>,
    docs: u32,
    position: usize,
    length: usize,
    /// The commit that was written last.
    last: Mark,
    /// What the open PR branch wrote: its merge writes the same.
    touched: Option<Vec<(String, String)>>,
}

/// Writes the history into the empty repository and describes the targets.
pub(super) fn write(repo: &Path, size: Size, seed: u64) -> Result<Value> {
    let mut rng = Rng::with_seed(seed);
    let environments = size.environments();
    let services = estate::services(size.services(), environments.len(), &mut rng);
    let ordinary = services.len() - 3;
    let length = size.commits() * FIRST_PARENT / 1000;
    let stream = Stream::start(repo)?;
    let due = VecDeque::new();
    let (docs, position, last, touched) = (0, 0, 0, None);
    let mut history = History {
        stream,
        rng,
        environments,
        services,
        ordinary,
        due,
        docs,
        position,
        length,
        last,
        touched,
    };
    history.import()?;
    // Each planted service: its number, where it is good, and where it breaks.
    let [root, mid, near] = [ordinary, ordinary + 1, ordinary + 2];
    let breaks = [
        (near, length - 1 - history.rng.usize(7..=11)),
        (mid, length - 1 - length / 10),
        (root, 2.max(length / 1000)),
    ];
    let mut merges = size.commits() * MERGES / 1000;
    let mut on_branches = size.commits() - length;
    for position in 1..length {
        history.position = position;
        let planted = breaks
            .iter()
            .find(|(_, at)| *at == position || at - 1 == position);
        if let Some((service, _)) = planted {
            let version = Version::new(&mut history.rng);
            history.deploy("main", &[*service], PRODUCTION, version)?;
        } else if history.rng.usize(0..length - position) < merges {
            let share = on_branches / merges;
            let commits = share + usize::from(history.rng.usize(0..merges) < on_branches % merges);
            history.pull_request(commits.max(1))?;
            on_branches -= commits.max(1).min(on_branches);
            merges -= 1;
        } else {
            history.ordinary_commit()?;
        }
    }
    history.finish(&[near, mid, root])
}

impl History {
    fn import(&mut self) -> Result<()> {
        self.commit("main", "Ann <ann@acme.io>", "Import all services")?;
        for (path, text) in content::top() {
            self.put(path, text)?;
        }
        for service in 0..self.services.len() {
            let name = self.services[service].name.clone();
            for (path, text) in content::base(&name, 0) {
                self.put(&format!("services/{name}/{path}"), text)?;
            }
            for environment in 0..self.environments.len() {
                self.write_overlay(service, environment)?;
            }
        }
        Ok(())
    }

    fn ordinary_commit(&mut self) -> Result<()> {
        match office::kind(&mut self.rng) {
            Kind::Deploy => self.next_deploy("main"),
            Kind::Configuration => self.configure("main"),
            Kind::Bot => self.bot(),
            Kind::Revert => self.revert(),
            Kind::Docs => self.document(),
        }
    }

    /// Production if one is due, else staging (or development), with production to follow.
    fn next_deploy(&mut self, branch: &str) -> Result<()> {
        if let Some((at, service, version)) = self.due.front().copied()
            && at <= self.position
        {
            self.due.pop_front();
            let mut services = vec![service];
            if self.rng.u32(0..100) < 4 {
                let others = self.rng.usize(1..8);
                services.extend((0..others).map(|_| self.rng.usize(0..self.ordinary)));
                services.sort_unstable();
                services.dedup();
            }
            return self.deploy(branch, &services, PRODUCTION, version);
        }
        let service = self.rng.usize(0..self.ordinary);
        let version = Version::new(&mut self.rng);
        if self.environments.len() > 2 && self.rng.u32(0..10) < 2 {
            return self.deploy(branch, &[service], 2, version);
        }
        let at = self.position + self.rng.usize(3..=60);
        let index = self.due.partition_point(|(other, ..)| *other <= at);
        self.due.insert(index, (at, service, version));
        self.deploy(branch, &[service], STAGING, version)
    }

    /// A deploy, or a release train of several services under the subject of the first.
    fn deploy(
        &mut self,
        branch: &str,
        services: &[usize],
        environment: usize,
        version: Version,
    ) -> Result<()> {
        let lead = &self.services[services[0]].name;
        let mut message = format!(
            "deploy: {lead} {version} to {}",
            self.environments[environment]
        );
        if services.len() > 1 {
            message += "\n\nRelease train:";
            for service in services {
                message = format!("{message}\n- {}", self.services[*service].name);
            }
        }
        let author = self.author();
        let mark = self.commit(branch, &author, &message)?;
        for (number, service) in services.iter().enumerate() {
            let version = if number == 0 {
                version
            } else {
                Version::new(&mut self.rng)
            };
            self.set(*service, environment, version, mark)?;
            self.services[*service].plain |= environment == PRODUCTION && services.len() == 1;
        }
        Ok(())
    }

    fn set(&mut self, service: usize, environment: usize, to: Version, mark: Mark) -> Result<()> {
        let record = &mut self.services[service];
        let from = std::mem::replace(&mut record.overlays[environment].0, to);
        if environment == PRODUCTION {
            record.last = Some((mark, to, from));
            record.plain = false;
        }
        self.write_overlay(service, environment)
    }

    fn configure(&mut self, branch: &str) -> Result<()> {
        let service = self.rng.usize(0..self.ordinary);
        let name = self.services[service].name.clone();
        let author = self.author();
        if self.rng.u32(0..3) == 0 {
            let environment = self.rng.usize(0..self.environments.len());
            let subject = format!("scale {name} in {}", self.environments[environment]);
            self.commit(branch, &author, &subject)?;
            let replicas = self.rng.u32(2..20);
            self.services[service].overlays[environment].1 = replicas;
            return self.write_overlay(service, environment);
        }
        self.commit(branch, &author, &format!("config: tune timeouts of {name}"))?;
        self.services[service].setting += 1;
        let text = content::settings(&name, self.services[service].setting);
        self.stream
            .file(&format!("services/{name}/base/configmap.yaml"), &text)
    }

    fn bot(&mut self) -> Result<()> {
        let service = self.rng.usize(0..self.ordinary);
        let environment = self.rng.usize(0..self.environments.len());
        let (name, version) = (&self.services[service].name, Version::new(&mut self.rng));
        let (author, subject) = match self.rng.u32(0..3) {
            0 => (
                "argocd-image-updater <noreply@argoproj.io>",
                format!(
                    "build: automatic update of {name}-{}",
                    self.environments[environment]
                ),
            ),
            1 => (
                "renovate[bot] <bot@renovateapp.com>",
                format!("chore(deps): update ghcr.io/acme/{name} docker tag to {version}"),
            ),
            _ => (
                "fluxcdbot <flux@acme.io>",
                "Update from image update automation".to_owned(),
            ),
        };
        let mark = self.commit("main", author, &subject)?;
        self.set(service, environment, version, mark)
    }

    fn revert(&mut self) -> Result<()> {
        let service = self.rng.usize(0..self.ordinary);
        let Some((mark, bad, good)) = self.services[service].last else {
            return self.next_deploy("main");
        };
        let id = self.stream.id(mark)?;
        let (name, environment) = (&self.services[service].name, self.environments[PRODUCTION]);
        let message = format!(
            "Revert \"deploy: {name} {bad} to {environment}\"\n\nThis reverts commit {id}."
        );
        let author = self.author();
        let mark = self.commit("main", &author, &message)?;
        self.set(service, PRODUCTION, good, mark)
    }

    fn document(&mut self) -> Result<()> {
        let author = self.author();
        self.commit("main", &author, "docs: keep the runbook current")?;
        self.docs += 1;
        self.stream
            .file("docs/runbook.md", &content::runbook(self.docs))
    }

    /// A branch with some commits, merged with its own merge commit.
    fn pull_request(&mut self, commits: usize) -> Result<()> {
        self.stream.reset("side", Some(self.last))?;
        self.touched = Some(Vec::new());
        for _ in 0..commits {
            if self.rng.usize(0..1000) < DEPLOYS_ON_BRANCHES {
                self.next_deploy("side")?;
            } else {
                self.configure("side")?;
            }
        }
        let side = self.last;
        let author = self.author();
        let number = self.position;
        let subject = format!("Merge pull request #{number} from acme/change-{number}");
        self.commit("main", &author, &subject)?;
        self.stream.merge(side)?;
        for (path, text) in self.touched.take().unwrap_or_default() {
            self.put(&path, text)?;
        }
        Ok(())
    }

    fn commit(&mut self, branch: &str, author: &str, message: &str) -> Result<Mark> {
        let seconds = office::seconds(self.position, self.length);
        self.last = self.stream.commit(branch, author, seconds, message)?;
        Ok(self.last)
    }

    fn author(&mut self) -> String {
        office::author(&mut self.rng)
    }

    fn write_overlay(&mut self, service: usize, environment: usize) -> Result<()> {
        let Service { name, overlays, .. } = &self.services[service];
        let (version, replicas) = overlays[environment];
        let environment = self.environments[environment];
        let text = content::overlay(name, environment, &version.to_string(), replicas);
        let path = format!("services/{name}/overlays/{environment}/kustomization.yaml");
        self.put(&path, text)
    }

    fn put(&mut self, path: &str, text: String) -> Result<()> {
        self.stream.file(path, &text)?;
        if let Some(touched) = &mut self.touched {
            touched.push((path.to_owned(), text));
        }
        Ok(())
    }

    /// Ends the import; `planted` are the services near, mid and root.
    fn finish(mut self, planted: &[usize; 3]) -> Result<Value> {
        self.stream.reset("side", None)?;
        let mut targets = Vec::new();
        for (place, service) in ["near", "mid", "root"].into_iter().zip(planted) {
            targets.extend(self.describe(*service, place)?);
        }
        targets.push(json!({
            "place": "absent",
            "service": "missing-service",
            "environment": self.environments[PRODUCTION],
        }));
        let mut deployed = Vec::new();
        for service in 0..self.ordinary.min(DEPLOYED) {
            deployed.extend(self.describe(service, "")?);
        }
        let tip = self.stream.id(self.last)?;
        self.stream.finish()?;
        Ok(json!({ "tip": tip, "targets": targets, "deployed": deployed }))
    }

    fn describe(&mut self, service: usize, place: &str) -> Result<Option<Value>> {
        let Service {
            name,
            last: Some((mark, bad, good)),
            plain: true,
            ..
        } = &self.services[service]
        else {
            return Ok(None);
        };
        Ok(Some(json!({
            "place": place,
            "service": name,
            "environment": self.environments[PRODUCTION],
            "bad_version": bad.to_string(),
            "good_version": good.to_string(),
            "commit": self.stream.id(*mark)?,
        })))
    }
}
