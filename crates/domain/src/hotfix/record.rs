//! What the infra repo keeps of a hotfix: one file, written with the commit that deploys it.
//!
//! It opens the debt. Nothing is ever ticked off in it: what is paid is computed from repositories,
//! registry and cluster. The ending is one that controllers pass over which read every manifest.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::name::HotfixName;
use super::payload::{Payload, Source};
use crate::catalog::Value;
use crate::names::{Environment, Service};
use crate::problem::{Kind, Problem};
use crate::quarantine::{Identity, file_name};

/// The folder of the files, from the root of the infra repo.
pub const FOLDER: &str = ".ripcord/hotfixes";
/// The ending of the files' names.
pub const ENDING: &str = ".hotfix";
/// The number of the files' form.
const SCHEMA: u32 = 1;

/// A hotfix that was shipped to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shipped {
    /// The number of the form.
    pub schema: u32,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The hotfix.
    pub name: HotfixName,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The image, without tag and digest.
    pub image: String,
    /// The tag.
    pub tag: String,
    /// The digest.
    pub digest: String,
    /// What it was built of.
    pub source: Source,
    /// When it was shipped first: the clock of the debt.
    pub opened: Timestamp,
    /// When this build of it was shipped.
    pub shipped: Timestamp,
    /// The request that shipped this build.
    pub correlation_id: String,
    /// The record of its gate, in its short form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Json>,
}

impl Shipped {
    /// What is recorded of a payload; none where it is no hotfix.
    pub fn of(
        payload: &Payload,
        (service, environment): (Service, Environment),
        now: Timestamp,
    ) -> Option<Self> {
        let hotfix = payload.hotfix.as_ref()?;
        Some(Self {
            schema: SCHEMA,
            service,
            environment,
            name: hotfix.name.clone(),
            incident: hotfix.incident.clone(),
            image: payload.image.clone(),
            tag: payload.tag.clone(),
            digest: payload.digest.clone(),
            source: payload.source.clone()?,
            opened: now,
            shipped: now,
            correlation_id: payload.correlation_id.clone(),
            gate: payload.gate.clone(),
        })
    }

    /// Whether what a place declares is the hotfix's own image: by its digest, where there is one, else by its tag.
    pub fn is_declared_as(&self, values: &[Value]) -> bool {
        let Identity { version, digest } = Identity::of(values);
        match digest {
            Some(digest) => digest == self.digest,
            None => version == Some(self.tag.as_str()),
        }
    }

    /// Whether an image is of the same name, wherever it is kept: a service may run more than one.
    pub fn is_of_image(&self, image: &str) -> bool {
        is_same_name(&self.image, image)
    }

    /// The hotfix, its incident and its age in words, such as `hotfix INC-31-charge of INC-31, live for 14 h`.
    pub fn words(&self, now: Timestamp) -> String {
        let hours = now.duration_since(self.opened).as_hours().max(0);
        let of = match &self.incident {
            Some(incident) => format!(" of {incident}"),
            None => String::new(),
        };
        format!("hotfix {}{of}, live for {hours} h", self.name)
    }

    /// The file of a hotfix. Whatever the names hold, the path stays in [`FOLDER`].
    pub fn path(&self) -> String {
        format!(
            "{}/{}{ENDING}",
            folder_of(&self.service, &self.environment),
            file_name(self.name.as_str())
        )
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be understood: trouble of the repository, which stops whoever relies on it.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let unreadable = |why: &str| {
            Problem::new(
                Kind::Local,
                "hotfix_unreadable",
                format!("{path} cannot be read: {why}"),
            )
            .hint(format!("`git log -- {path}` shows who wrote it"))
        };
        let read: Self =
            serde_json::from_slice(bytes).map_err(|error| unreadable(&error.to_string()))?;
        if read.schema > SCHEMA {
            return Err(unreadable("a newer ripcord wrote it"));
        }
        if read.path() != path {
            return Err(unreadable("it is another hotfix's"));
        }
        Ok(read)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The same hotfix once more: a later build keeps the clock of the first.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Self>) -> Self {
        if let Some(earlier) = earlier {
            self.opened = earlier.opened;
        }
        self
    }
}

/// Whether two images have the same last name: `ghcr.io/acme/pay` and `registry.acme.example/pay`.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one.rsplit('/').next() == other.rsplit('/').next()
}

/// The folder of a service's hotfixes in an environment.
pub fn folder_of(service: &Service, environment: &Environment) -> String {
    format!(
        "{FOLDER}/{}/{}",
        file_name(service.as_str()),
        file_name(environment.as_str())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(service: &str) -> Shipped {
        Shipped {
            schema: SCHEMA,
            service: Service::new(service),
            environment: Environment::new("eu/production"),
            name: HotfixName::parse("INC-31-x").unwrap(),
            incident: None,
            image: "ghcr.io/acme/pay".into(),
            tag: "hotfix-1".into(),
            digest: format!("sha256:{}", "ab".repeat(32)),
            source: Source {
                repository: None,
                commit: "a".repeat(40),
                base: None,
            },
            opened: "2026-11-20T17:15:00Z".parse().unwrap(),
            shipped: "2026-11-20T17:15:00Z".parse().unwrap(),
            correlation_id: "d-1".into(),
            gate: None,
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_nowhere_else() {
        let one = shipped("../pay");
        let path = one.path();
        assert_eq!(
            path,
            ".ripcord/hotfixes/%2E.%2Fpay/eu%2Fproduction/INC-31-x.hotfix"
        );
        assert_eq!(Shipped::parse(&path, one.text().as_bytes()).unwrap(), one);
        let moved = Shipped::parse(".ripcord/hotfixes/a/b/c.hotfix", one.text().as_bytes());
        assert_eq!(moved.unwrap_err().code, "hotfix_unreadable");
        let torn = &one.text().into_bytes()[..40];
        assert_eq!(Shipped::parse(&path, torn).unwrap_err().kind, Kind::Local);
    }

    #[test]
    fn where_there_is_a_digest_the_tag_beside_it_says_nothing() {
        let fix = shipped("pay");
        let value = |role: &str, value: &str| Value {
            role: role.into(),
            value: value.into(),
        };
        let tag = value("tag", "hotfix-1");
        assert!(fix.is_declared_as(std::slice::from_ref(&tag)));
        assert!(fix.is_declared_as(&[tag.clone(), value("digest", &fix.digest)]));
        let other = format!("sha256:{}", "cd".repeat(32));
        assert!(!fix.is_declared_as(&[tag, value("digest", &other)]));
        assert!(fix.is_declared_as(&[value("image", "ghcr.io/acme/pay:hotfix-1")]));
        assert!(!fix.is_declared_as(&[value("image", "ghcr.io/acme/pay:my-hotfix-1")]));
        assert!(fix.is_of_image("mirror.acme.example/pay"));
        assert!(!fix.is_of_image("ghcr.io/acme/pay-proxy"));
    }

    #[test]
    fn a_second_build_does_not_turn_the_clock_back() {
        let first = shipped("pay");
        let mut second = shipped("pay");
        second.opened = "2026-11-21T09:00:00Z".parse().unwrap();
        second.shipped = second.opened;
        let second = second.after(Some(&first));
        assert_eq!(second.opened, first.opened);
        assert_ne!(second.shipped, first.shipped);
    }
}
