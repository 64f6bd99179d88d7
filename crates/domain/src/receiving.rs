//! Which deploys an infra repo takes from the pipelines of services.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{Environment, Service};
use crate::problem::{Kind, Problem};

/// What `ripcord receive` takes, in `ripcord.yaml` of the infra repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Receiving {
    /// The registries and folders in them that images may come from, such as `ghcr.io/acme`. None: only those
    /// whose images the service runs already.
    pub registries: Vec<String>,
    /// Who may ask for what, by the name of a key. None: whoever may send the event may ask for everything.
    pub keys: BTreeMap<String, Key>,
    /// How old a request with a proof may be. The same request is known again for that long, and for a week at least.
    pub replay_window: String,
}

impl Default for Receiving {
    fn default() -> Self {
        Self {
            registries: Vec::new(),
            keys: BTreeMap::new(),
            replay_window: "1h".into(),
        }
    }
}

/// What a key is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Key {
    /// The services. None: all.
    pub services: Vec<Service>,
    /// The environments.
    pub environments: Vec<Environment>,
    /// Whether it is good for hotfixes only.
    pub only_hotfixes: bool,
}

impl Key {
    /// The variable that holds the key of this name: `RIPCORD_KEY_CHECKOUT_CI` of `checkout-ci`.
    pub fn variable(name: &str) -> String {
        let word = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        format!("RIPCORD_KEY_{}", name.chars().map(word).collect::<String>())
    }

    /// Whether it is good for a deploy.
    ///
    /// # Errors
    /// What it is not good for.
    pub fn allows(
        &self,
        name: &str,
        service: &Service,
        environment: &Environment,
        is_hotfix: bool,
    ) -> Result<(), Problem> {
        let refuse = |what: String| {
            Err(Problem::new(
                Kind::Refused,
                "not_allowed",
                format!("the key `{name}` is not good for {what}"),
            )
            .hint("`receive.keys` in ripcord.yaml of the infra repo says what each is good for"))
        };
        if !self.services.is_empty() && !self.services.contains(service) {
            return refuse(format!("{service}"));
        }
        let mut environments = self.environments.iter();
        // Its exact name: to be good for `production` is not to be good for everything spelt alike.
        if !environments.any(|one| one == environment) {
            return refuse(format!("{environment}"));
        }
        if self.only_hotfixes && !is_hotfix {
            return refuse("normal deploys".to_owned());
        }
        Ok(())
    }
}

/// Whether an image is in one of these registries or folders of them.
pub fn is_from(image: &str, registries: &[String]) -> bool {
    registries.iter().any(|registry| {
        let registry = registry.trim_end_matches('/');
        image
            .strip_prefix(registry)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_begins_alike_is_another() {
        let ours = ["ghcr.io/acme".to_owned()];
        assert!(is_from("ghcr.io/acme/pay", &ours));
        assert!(is_from("ghcr.io/acme", &ours));
        assert!(!is_from("ghcr.io/acme-evil/pay", &ours));
        assert!(!is_from("evil.example/ghcr.io/acme/pay", &ours));
        assert!(!is_from("ghcr.io/acme/pay", &[]));
    }

    #[test]
    fn a_key_is_good_for_what_it_names() {
        let key = Key {
            services: vec![Service::new("pay")],
            environments: vec![Environment::new("production")],
            only_hotfixes: true,
        };
        let allows = |service: &str, environment: &str, is_hotfix| {
            let (service, environment) = (Service::new(service), Environment::new(environment));
            key.allows("ci", &service, &environment, is_hotfix).is_ok()
        };
        assert!(allows("pay", "production", true));
        assert!(!allows("cart", "production", true));
        assert!(!allows("pay", "prod", true));
        assert!(!allows("pay", "production", false));
        let none = Key::default();
        assert!(
            none.allows("ci", &Service::new("pay"), &Environment::new("x"), true)
                .is_err()
        );
        assert_eq!(Key::variable("checkout-ci.2"), "RIPCORD_KEY_CHECKOUT_CI_2");
    }
}
