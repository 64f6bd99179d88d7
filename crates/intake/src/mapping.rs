//! Which service and environment an alert is about: what its labels and names mean here.

use std::collections::BTreeMap;

use ripcord_domain::incident::event::Concern;
use ripcord_domain::names::{Environment, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        }
    }
}

impl Mapping {
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

    fn joined(&self, service: &str, labels: &BTreeMap<String, String>) -> Option<Concern> {
        let named = first(labels, &self.environment_labels);
        let environment = named.or(self.default_environment.as_deref())?;
        Some(Concern {
            service: Service::new(service),
            environment: Environment::new(environment),
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
    fn an_unknown_setting_is_refused() {
        assert!(serde_json::from_str::<Mapping>(r#"{"service_label":["x"]}"#).is_err());
    }
}
