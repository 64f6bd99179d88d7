//! A believable month of an infra repo, ending on a Friday at 16:47.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::{Kind, Problem};
use ripcord_git::{Identity, NewCommit, Oid, PushOutcome, Repo, SafeUrl, TreeEdit};
use ripcord_recovery::problems::from_repo;

const SERVICES: &[&str] = &[
    "catalog-service",
    "checkout-service",
    "payments-service",
    "search-service",
];
const PEOPLE: &[(&str, &str)] = &[
    ("Ann Berg", "ann@acme.example"),
    ("Ben Cho", "ben@acme.example"),
    ("image-bot", "bot@acme.example"),
];

/// Writes the month and pushes it to the empty repository at `url`.
pub(super) fn tell(url: &str, folder: &Path, now: Timestamp) -> Result<(), Problem> {
    let repo = Repo::open_remote(&SafeUrl::new(url), &folder.join("author")).map_err(from_repo)?;
    let mut story = Story {
        repo: &repo,
        tree: None,
        tip: None,
        files: BTreeMap::new(),
    };
    let bad_at = now - SignedDuration::from_mins(28);
    let ago = |hours: i64| bad_at - SignedDuration::from_hours(hours);

    for service in SERVICES {
        story.found(service);
    }
    story.commit("Lay out services and environments", 0, ago(24 * 30))?;
    for (index, service) in SERVICES.iter().enumerate() {
        story.tag(service, "staging", "1.0.0");
        story.tag(service, "production", "1.0.0");
        let hours = 24 * 29 - i64::try_from(index).unwrap_or(0);
        story.commit(
            &format!("deploy: {service} 1.0.0 to production"),
            index,
            ago(hours),
        )?;
    }
    let mut patch = [0u32; 4];
    for day in (2..28).rev() {
        let which = day % SERVICES.len();
        let service = SERVICES[which];
        patch[which] += 1;
        let version = format!("1.{}.0", patch[which]);
        let hours = i64::try_from(day).unwrap_or(0) * 24;
        story.tag(service, "staging", &version);
        let subject = if day % 5 == 0 {
            format!("build: automatic update of {service}-staging")
        } else {
            format!("deploy: {service} {version} to staging")
        };
        story.commit(&subject, if day % 5 == 0 { 2 } else { day % 2 }, ago(hours))?;
        story.tag(service, "production", &version);
        story.commit(
            &format!("deploy: {service} {version} to production (#{})", 400 - day),
            day % 2,
            ago(hours - 5),
        )?;
        if day == 9 {
            story.replicas("checkout-service", 6);
            story.commit("Scale checkout-service for the sale", 1, ago(hours - 6))?;
        }
    }
    story.tag("payments-service", "staging", "2.0.0");
    story.commit("deploy: payments-service 2.0.0 to staging", 0, ago(3))?;
    story.tag("payments-service", "production", "2.0.0");
    story.commit(
        "deploy: payments-service 2.0.0 to production (#412)",
        0,
        bad_at,
    )?;
    story.replicas("search-service", 4);
    story.commit(
        "Scale search-service for the evening",
        1,
        bad_at + SignedDuration::from_mins(9),
    )?;
    story.push()
}

struct Story<'a> {
    repo: &'a Repo,
    tree: Option<Oid>,
    tip: Option<Oid>,
    files: BTreeMap<String, String>,
}

impl Story<'_> {
    fn found(&mut self, service: &str) {
        let base = format!("services/{service}/base");
        self.files.insert(
            format!("{base}/kustomization.yaml"),
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - deployment.yaml\n".into(),
        );
        self.files.insert(
            format!("{base}/deployment.yaml"),
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {service}\nspec:\n  selector:\n    \
                 matchLabels: {{app: {service}}}\n  template:\n    metadata:\n      labels: {{app: {service}}}\n    \
                 spec:\n      containers:\n        - name: {service}\n          image: registry.acme.example/{service}\n"
            ),
        );
        for environment in ["staging", "production"] {
            self.overlay(service, environment, "0.1.0", 2);
        }
    }

    fn overlay(&mut self, service: &str, environment: &str, tag: &str, replicas: u32) {
        self.files.insert(
            overlay(service, environment),
            format!(
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {environment}\n\
                 resources:\n  - ../../base\nimages:\n  - name: registry.acme.example/{service}\n    \
                 newTag: \"{tag}\" # set by the pipeline\nreplicas:\n  - name: {service}\n    count: {replicas}\n"
            ),
        );
    }

    fn tag(&mut self, service: &str, environment: &str, tag: &str) {
        self.line(
            service,
            environment,
            "    newTag: ",
            &format!("    newTag: \"{tag}\" # set by the pipeline"),
        );
    }

    fn replicas(&mut self, service: &str, count: u32) {
        self.line(
            service,
            "production",
            "    count: ",
            &format!("    count: {count}"),
        );
    }

    fn line(&mut self, service: &str, environment: &str, start: &str, line: &str) {
        if let Some(text) = self.files.get_mut(&overlay(service, environment)) {
            let lines: Vec<&str> = text
                .lines()
                .map(|old| if old.starts_with(start) { line } else { old })
                .collect();
            *text = format!("{}\n", lines.join("\n"));
        }
    }

    fn commit(&mut self, subject: &str, who: usize, at: Timestamp) -> Result<(), Problem> {
        let mut staged = self.repo.stage();
        let mut edits = Vec::new();
        for (path, text) in &self.files {
            let id = staged.blob(text.as_bytes()).map_err(from_repo)?;
            edits.push(TreeEdit {
                path: path.as_str().into(),
                entry: Some((ripcord_git::Mode::Blob, id)),
            });
        }
        let tree = staged.edit_tree(self.tree, &edits).map_err(from_repo)?;
        let (name, email) = PEOPLE[who % PEOPLE.len()];
        let person = Identity {
            name: name.into(),
            email: email.into(),
            seconds: at.as_second(),
            offset_seconds: 0,
        };
        let commit = staged
            .commit(&NewCommit {
                tree,
                parents: self.tip.into_iter().collect(),
                author: person.clone(),
                committer: person,
                message: format!("{subject}\n"),
                sign: false,
            })
            .map_err(from_repo)?;
        self.tree = Some(tree);
        self.tip = Some(commit);
        Ok(())
    }

    fn push(&self) -> Result<(), Problem> {
        let tip = self
            .tip
            .ok_or_else(|| super::trouble(&"there is nothing to push"))?;
        match self.repo.push(tip, "main", None).map_err(from_repo)? {
            PushOutcome::Updated | PushOutcome::AlreadyThere => Ok(()),
            other => Err(Problem::new(
                Kind::Internal,
                "demo_failed",
                format!("the first push: {other:?}"),
            )),
        }
    }
}

fn overlay(service: &str, environment: &str) -> String {
    format!("services/{service}/overlays/{environment}/kustomization.yaml")
}
