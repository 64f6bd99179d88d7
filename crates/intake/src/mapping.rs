//! Which service and environment an alert is about: what its labels and names mean here.

pub mod body;

use std::collections::BTreeMap;

use ripcord_domain::incident::event::{Concern, SourceKind};
use ripcord_domain::names::{Environment, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use body::Body;

/// How labels and names of other systems become a service and an environment of the infra repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Labels that name the service, the first that is there counts. `job` is none of them: it names what
    /// Prometheus scrapes, which for many alerts is an exporter.
    pub service_labels: Vec<String>,
    /// Labels that name the environment, the first that is there counts.
    pub environment_labels: Vec<String>,
    /// The environment of an alert that names none; `null`: such an alert is about no environment.
    pub default_environment: Option<String>,
    /// What other systems call a service, by id, name or label, to what the infra repo calls it.
    pub services: BTreeMap<String, String>,
    /// What other systems call an environment, to what the infra repo calls it.
    pub environments: BTreeMap<String, String>,
    /// What an Application of Argo CD or a Rollout is of, by its name or `namespace/name`. It counts more than labels.
    pub applications: BTreeMap<String, Concern>,
    /// How bodies are read. A source of the kind `generic` needs it, and no other has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

impl Default for Mapping {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            service_labels: list(&["service", "app", "app_kubernetes_io_name"]),
            environment_labels: list(&["environment", "env"]),
            // A page that says nothing is about production: nobody is woken up for less.
            default_environment: Some("production".to_owned()),
            services: BTreeMap::new(),
            environments: BTreeMap::new(),
            applications: BTreeMap::new(),
            body: None,
        }
    }
}

impl Mapping {
    /// Whether a source of a kind can be read with it.
    ///
    /// # Errors
    /// What is missing, or what would never be used.
    pub fn check(&self, kind: SourceKind) -> Result<(), String> {
        match (&self.body, kind) {
            (Some(body), SourceKind::Generic) => body.check(),
            (None, SourceKind::Generic) => Err(
                "a source of the kind `generic` needs `body` in its mapping: where a body tells what".to_owned(),
            ),
            (Some(_), _) => Err(format!(
                "how a body of {} is read is known: `body` is for the kind `generic`",
                kind.word()
            )),
            (None, _) => Ok(()),
        }
    }

    /// What an alert with these labels is about; none where they name no service.
    pub fn concern(&self, labels: &BTreeMap<String, String>) -> Option<Concern> {
        let service = first(labels, &self.service_labels)?;
        let service = self.services.get(service).map_or(service, String::as_str);
        self.joined(service, labels)
    }

    /// What is about a service that its source calls by these names, most certain first. A name that is not
    /// mapped counts only where it could be one of ours: `Payments API (EU)` is a title for people.
    pub fn concern_by_name(
        &self,
        names: &[&str],
        labels: &BTreeMap<String, String>,
    ) -> Option<Concern> {
        self.joined(self.service_by_name(names)?, labels)
    }

    /// The service that its source calls by these names, most certain first.
    pub(crate) fn service_by_name<'a>(&'a self, names: &[&'a str]) -> Option<&'a str> {
        let mapped = names.iter().find_map(|&name| self.services.get(name));
        let plain = || names.last().copied().filter(|name| is_plain(name));
        mapped.map(String::as_str).or_else(plain)
    }

    /// What is about a service that its source calls by one of these names, where that is mapped.
    pub fn concern_by_mapped_name(
        &self,
        names: &[&str],
        labels: &BTreeMap<String, String>,
    ) -> Option<Concern> {
        let service = names.iter().find_map(|&name| self.services.get(name))?;
        self.joined(service, labels)
    }

    /// What a source tells by a name for the service, where it has one, and one for the environment, where it has
    /// one; labels say the rest.
    pub(crate) fn concern_told(
        &self,
        service: Option<&str>,
        environment: Option<&str>,
        labels: &BTreeMap<String, String>,
    ) -> Option<Concern> {
        let concern = match service {
            Some(service) => self.concern_by_name(&[service], labels)?,
            None => self.concern(labels)?,
        };
        Some(match environment {
            Some(environment) => Concern {
                environment: self.environment(environment),
                ..concern
            },
            None => concern,
        })
    }

    /// What is in an environment, of a service that its source calls by these names, most certain first.
    pub(crate) fn placed(&self, names: &[&str], environment: &str) -> Option<Concern> {
        Some(Concern {
            service: Service::new(self.service_by_name(names)?),
            environment: self.environment(environment),
        })
    }

    /// What an Application or a Rollout of these names is of: what is mapped, else what its labels say.
    pub(crate) fn concern_of_application(
        &self,
        names: &[&str],
        labels: &BTreeMap<String, String>,
    ) -> Option<Concern> {
        let mapped = names.iter().find_map(|&name| self.applications.get(name));
        // It is called as somebody liked: only what is mapped says which service it is.
        let by_name = || self.concern_by_mapped_name(names, labels);
        mapped
            .cloned()
            .or_else(|| self.concern(labels).or_else(by_name))
    }

    fn environment(&self, name: &str) -> Environment {
        Environment::new(self.environments.get(name).map_or(name, String::as_str))
    }

    fn joined(&self, service: &str, labels: &BTreeMap<String, String>) -> Option<Concern> {
        let named = first(labels, &self.environment_labels).map(|name| self.environment(name));
        let environment = named.or_else(|| {
            let default = self.default_environment.as_deref();
            default.map(Environment::new)
        })?;
        Some(Concern {
            service: Service::new(service),
            environment,
        })
    }
}

fn first<'a>(labels: &'a BTreeMap<String, String>, names: &[String]) -> Option<&'a str> {
    let found = names.iter().filter_map(|name| labels.get(name));
    found.map(String::as_str).find(|value| !value.is_empty())
}

fn is_plain(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    !name.is_empty() && name.len() <= 63 && name.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(mapping: &Mapping, labels: &[(&str, &str)]) -> Option<String> {
        let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        let concern = mapping.concern(&labels.collect())?;
        Some(concern.to_string())
    }

    #[test]
    fn the_first_label_that_says_something_names_the_service() {
        let mapping = Mapping::default();
        let labels = [("app", "pay"), ("service", ""), ("env", "staging")];
        assert_eq!(about(&mapping, &labels).unwrap(), "pay in staging");
        assert_eq!(about(&mapping, &[("job", "node-exporter")]), None);
        assert_eq!(
            about(&mapping, &[("app", "pay")]).unwrap(),
            "pay in production"
        );
    }

    #[test]
    fn without_a_default_an_alert_that_names_no_environment_is_about_nothing() {
        let mapping: Mapping = serde_json::from_str(r#"{"default_environment":null}"#).unwrap();
        assert_eq!(about(&mapping, &[("app", "pay")]), None);
    }

    #[test]
    fn a_name_that_is_mapped_wins_and_a_title_is_no_service() {
        let mapping: Mapping = serde_json::from_str(r#"{"services":{"P1":"pay"}}"#).unwrap();
        let named = |names: &[&str]| mapping.concern_by_name(names, &BTreeMap::new());
        assert_eq!(named(&["P1", "checkout"]).unwrap().service.as_str(), "pay");
        assert_eq!(
            named(&["P2", "checkout"]).unwrap().service.as_str(),
            "checkout"
        );
        assert_eq!(named(&["P2", "Payments API (EU)"]), None);
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn an_environment_is_called_as_the_infra_repo_calls_it() {
        let mapping = r#"{"environments":{"prd":"production"},"services":{"P1":"pay"}}"#;
        let mapping: Mapping = serde_json::from_str(mapping).unwrap();
        let said = about(&mapping, &[("app", "pay"), ("env", "prd")]);
        assert_eq!(said.unwrap(), "pay in production");
        let placed = mapping.placed(&["P1"], "prd").unwrap();
        assert_eq!(placed.to_string(), "pay in production");
        let placed = mapping.placed(&["pay"], "qa").unwrap();
        assert_eq!(placed.to_string(), "pay in qa");
    }

    #[test]
    fn what_an_application_is_of_counts_more_than_its_labels() {
        let mapping = r#"{"applications":{"argocd/a-1":{"service":"pay","environment":"staging"}},"services":{"b":"tax"}}"#;
        let mapping: Mapping = serde_json::from_str(mapping).unwrap();
        let labels: BTreeMap<String, String> = [("app".to_owned(), "x".to_owned())].into();
        let of = |names: &[&str], labels| {
            let concern = mapping.concern_of_application(names, labels);
            concern.map(|concern| concern.to_string())
        };
        let none = BTreeMap::new();
        assert_eq!(
            of(&["argocd/a-1", "a-1"], &labels).unwrap(),
            "pay in staging"
        );
        assert_eq!(of(&["argocd/b", "b"], &labels).unwrap(), "x in production");
        assert_eq!(of(&["argocd/b", "b"], &none).unwrap(), "tax in production");
        // Not every name that could be a service is one.
        assert_eq!(of(&["argocd/c", "c"], &none), None);
    }

    #[test]
    fn how_a_body_is_read_is_for_the_kind_that_is_read_by_it() {
        let read = |text: &str| serde_json::from_str::<Mapping>(text).unwrap();
        let plain = Mapping::default();
        let alert = read(r#"{"body":{"alert":{"id":"$.id","state":"$.s","at":"$.t"}}}"#);
        let timeless = read(r#"{"body":{"alert":{"id":"$.id","state":"$.s"}}}"#);
        assert_eq!(plain.check(SourceKind::Grafana), Ok(()));
        assert_eq!(alert.check(SourceKind::Generic), Ok(()));
        for (mapping, kind, word) in [
            (&plain, SourceKind::Generic, "needs `body`"),
            (&alert, SourceKind::Grafana, "Grafana"),
            (&timeless, SourceKind::Generic, "`started` or `at`"),
        ] {
            let error = mapping.check(kind).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_wrong_path_is_named() {
        for (field, word) in [
            (r#""id""#, "`id` is no JSONPath"),
            (r#"["$.a","$["]"#, "`$[` is no JSONPath"),
            ("[]", "empty"),
        ] {
            let text =
                format!(r#"{{"body":{{"deploy":{{"id":{field},"stage":"$.s","at":"$.t"}}}}}}"#);
            let error = serde_json::from_str::<Mapping>(&text).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(serde_json::from_str::<Mapping>(r#"{"service_label":["x"]}"#).is_err());
    }
}
