//! What the files depend on, and what of it may stand in one.

use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the settings are kept in the repository, so that `--check` and the next run know them.
pub const SETTINGS_FILE: &str = ".ripcord/pipeline/settings.yaml";

/// The code of a setting that cannot stand in a CI file.
const BAD_SETTING: &str = "bad_pipeline_setting";

/// Which repository the files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// A service's: gate and dispatch, and what keeps a fix from getting lost.
    Service,
    /// The infra repo's: the receiver, the guard, the debt.
    Infra,
}

/// A program that a job fetches before it runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// The program's name.
    pub program: String,
    /// Its version.
    pub version: String,
    /// Where it is: a `.tar.gz` with the program at its top, or the program itself. None: a variable of the
    /// forge says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The sha256 of what is there, in hex. None: a variable of the forge says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What the files depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The forge.
    pub forge: Forge,
    /// The side.
    pub side: Side,
    /// The service; the side of a service needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The address of the infra repo, without credentials; the side of a service needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra: Option<String>,
    /// The branch that releases come from, or that is deployed.
    pub branch: String,
    /// The labels of the runner, or its tags in GitLab. None: `ubuntu-latest`, or no tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runner: Vec<String>,
    /// The registry that jobs log in to, such as `ghcr.io`. None: the runner can already push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The names of the keys that requests to deploy are signed with: the one of the service, or all that the
    /// infra repo's `receive.keys` knows. None: requests are not signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// ripcord itself.
    pub ripcord: Download,
    /// The scanner of the gate. None: the runner brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<Download>,
    /// When the debt is looked at: the five fields of cron, in UTC.
    pub debt_at: String,
}

impl Settings {
    /// The least that can be said: the branch is `main`, the debt is looked at every morning.
    pub fn new(forge: Forge, side: Side, ripcord_version: impl Into<String>) -> Self {
        Self {
            forge,
            side,
            service: None,
            infra: None,
            branch: "main".to_owned(),
            runner: Vec::new(),
            registry: None,
            keys: Vec::new(),
            ripcord: Download {
                program: "ripcord".to_owned(),
                version: ripcord_version.into(),
                url: None,
                sha256: None,
            },
            scanner: None,
            // Not on the hour, when every other schedule begins and forges are late.
            debt_at: "17 6 * * *".to_owned(),
        }
    }

    /// Reads what [`Settings::text`] wrote.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let settings: Self = serde_saphyr::from_str(text).map_err(|error| {
            Problem::new(
                Kind::Usage,
                BAD_SETTING,
                format!("{SETTINGS_FILE} cannot be read: {error}"),
            )
            .hint("delete it and run `ripcord pipeline init` with the settings again")
        })?;
        settings.proven()?;
        Ok(settings)
    }

    /// The text of [`SETTINGS_FILE`].
    pub fn text(&self) -> Result<String, Problem> {
        let body = serde_saphyr::to_string(self).map_err(|error| {
            Problem::new(
                Kind::Internal,
                "settings_unwritten",
                format!("the settings of the pipeline cannot be written: {error}"),
            )
        })?;
        Ok(format!(
            "# What `ripcord pipeline init` was asked for. `ripcord pipeline init --check` goes by it.\n{}\n",
            body.trim_end()
        ))
    }

    /// Fails unless every setting can stand in a CI file as it is: none of them may end a quote, begin an
    /// expression or be more than one word of a shell.
    pub fn proven(&self) -> Result<(), Problem> {
        if self.side == Side::Service {
            let service = self.service.as_ref().map(Service::as_str);
            needed("the service", service, is_name)?;
            needed("the infra repo", self.infra.as_deref(), is_address)?;
        }
        needed("the branch", Some(&self.branch), is_branch)?;
        for label in &self.runner {
            needed("the runner's label", Some(label), is_name)?;
        }
        for key in &self.keys {
            needed("the key's name", Some(key), |key| {
                is_name(key) && !key.contains('/')
            })?;
        }
        if self.side == Side::Service && self.keys.len() > 1 {
            return Err(Problem::new(
                Kind::Usage,
                BAD_SETTING,
                format!(
                    "a service signs with one key, and {} are named",
                    self.keys.len()
                ),
            ));
        }
        if let Some(registry) = &self.registry {
            needed("the registry", Some(registry), is_host)?;
        }
        for download in [Some(&self.ripcord), self.scanner.as_ref()]
            .into_iter()
            .flatten()
        {
            needed("the program", Some(&download.program), is_name)?;
            needed("the version", Some(&download.version), is_name)?;
            if let Some(url) = &download.url {
                needed("the address of the program", Some(url), |url| {
                    url.starts_with("https://") && is_address(url)
                })?;
            }
            if let Some(sum) = &download.sha256 {
                needed("the sha256 of the program", Some(sum), |sum| {
                    sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit())
                })?;
            }
        }
        needed("the time of the debt's check", Some(&self.debt_at), is_cron)
    }
}

fn needed(what: &str, value: Option<&str>, fits: impl Fn(&str) -> bool) -> Result<(), Problem> {
    match value {
        None => Err(Problem::new(
            Kind::Usage,
            BAD_SETTING,
            format!("{what} is not said, and the CI files need it"),
        )),
        Some(value) if fits(value) => Ok(()),
        Some(value) => Err(Problem::new(
            Kind::Usage,
            BAD_SETTING,
            format!(
                "{what} `{}` cannot stand in a CI file",
                value.escape_default()
            ),
        )),
    }
}

/// Letters, digits and `-_.`, `/` in between; begins with a letter or digit.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
}

/// What Git takes and a shell, a glob and an expression leave alone.
fn is_branch(text: &str) -> bool {
    is_name(text) && !text.ends_with('/') && !text.contains("..") && !text.contains("//")
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    is_name(host) && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// A URL over HTTP without credentials, query and fragment.
fn is_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.and_then(|rest| rest.split_once('/'))
        .is_some_and(|(host, path)| {
            is_host(host)
                && !path.is_empty()
                && path
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_./~+".contains(&byte))
        })
}

fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split(' ').collect();
    fields.len() == 5
        && fields.iter().all(|field| {
            !field.is_empty()
                && field
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"*/,-".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Settings {
        let mut settings = Settings::new(Forge::Github, Side::Service, "0.1.0");
        settings.service = Some(Service::new("checkout-service"));
        settings.infra = Some("https://github.com/acme/ecommerce-infra".to_owned());
        settings
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut settings = service();
        settings.runner = vec!["self-hosted".to_owned(), "linux".to_owned()];
        settings.registry = Some("registry.acme.example:5000".to_owned());
        let text = settings.text().expect("settings are written");
        assert_eq!(Settings::read(&text).expect("settings are read"), settings);
    }

    #[test]
    fn nothing_that_a_shell_or_an_expression_would_read_gets_into_a_file() {
        let bad: [fn(&mut Settings); 9] = [
            |s| s.service = Some(Service::new("a\"; rm -rf ~; \"")),
            |s| s.service = None,
            |s| s.branch = "main${{ secrets.X }}".to_owned(),
            |s| s.branch = "$(id)".to_owned(),
            |s| s.infra = Some("https://user:pass@github.com/acme/infra".to_owned()),
            |s| s.infra = Some("git@github.com:acme/infra".to_owned()),
            |s| s.runner = vec!["a\nb".to_owned()],
            |s| s.ripcord.url = Some("http://acme.example/ripcord".to_owned()),
            |s| s.debt_at = "17 6 * *".to_owned(),
        ];
        for spoil in bad {
            let mut settings = service();
            spoil(&mut settings);
            let problem = settings.proven().expect_err("it is refused");
            assert_eq!(problem.kind, Kind::Usage);
        }
        service().proven().expect("the rest is fine");
    }
}
