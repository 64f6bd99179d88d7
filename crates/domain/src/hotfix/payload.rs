//! `deploy-service`: what a service's pipeline asks of the infra repo, validated strictly.
//!
//! The same fields travel as `client_payload` of a `repository_dispatch` (GitHub), as inputs of a
//! `workflow_dispatch` (Gitea, GitHub), and as variables of a pipeline (GitLab). Inputs and variables are
//! texts: what is an object elsewhere is JSON in them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::name::HotfixName;
use crate::problem::{Kind, Problem};

/// The event's name.
pub const EVENT: &str = "deploy-service";
/// The code of a payload that cannot be.
pub const BAD_PAYLOAD: &str = "bad_payload";
/// Properties at the top of a `client_payload`
/// (<https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event>).
pub const MOST_PROPERTIES: usize = 10;
/// Characters of a payload, by the same source and for the inputs of a workflow too.
pub const MOST_CHARACTERS: usize = 65_535;
/// What the variables of GitLab's pipelines begin with.
pub const VARIABLE: &str = "RIPCORD_";

const FIELDS: [&str; 10] = [
    "service",
    "image",
    "tag",
    "digest",
    "environment",
    "hotfix",
    "correlation_id",
    "source",
    "gate",
    "proof",
];
/// Fields that hold more than a text.
const OBJECTS: [&str; 4] = ["hotfix", "source", "gate", "proof"];

/// A deploy that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The service, as the infra repo names it.
    pub service: String,
    /// The image, without tag and digest.
    pub image: String,
    /// The tag.
    pub tag: String,
    /// The digest that the tag had after the build, with its algorithm.
    pub digest: String,
    /// The environment, as the infra repo names it.
    pub environment: String,
    /// The hotfix that it is; none is a normal deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotfix: Option<Hotfix>,
    /// The same request again has the same, and is carried out once.
    pub correlation_id: String,
    /// What it was built of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The record of the gate, in its short form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Value>,
    /// Who asks, by a key that both sides know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// Which hotfix it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hotfix {
    /// Its name.
    pub name: HotfixName,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
}

/// What an image was built of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The address of the repository, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit, in hex.
    pub commit: String,
    /// Where the fix left the main line, in hex: what it changes is what came since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// That somebody who knows a key asks for exactly this, at this time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The key's name; the receiver's configuration says what it is good for.
    pub key: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// HMAC-SHA256 of [`Payload::signed_text`], in lower-case hex.
    pub mac: String,
}

impl Payload {
    /// Reads a payload in any of the forms in which it arrives: an event of GitHub or Gitea, the file of a
    /// pipeline trigger of GitLab, or bare.
    ///
    /// # Errors
    /// What is wrong, and in which field.
    pub fn read(text: &str) -> Result<Self, Problem> {
        if text.len() > 4 * MOST_CHARACTERS {
            return Err(too_long(text.len()));
        }
        let event: Value =
            serde_json::from_str(text).map_err(|error| bad(&format!("it is no JSON: {error}")))?;
        let Value::Object(mut event) = event else {
            return Err(bad("it is no JSON object"));
        };
        if let Some(inside) = event.remove("client_payload") {
            let action = event.get("action").and_then(Value::as_str);
            if action.is_some_and(|action| action != EVENT) {
                return Err(bad(&format!(
                    "the event is `{}`, not `{EVENT}`",
                    action.unwrap_or_default().escape_default()
                )));
            }
            return Self::of_value(inside);
        }
        if let Some(Value::Object(inputs)) = event.remove("inputs") {
            return Self::of_texts(inputs);
        }
        if let Some(Value::Object(variables)) = event.remove("variables") {
            let ours = variables.into_iter().filter_map(|(name, value)| {
                let name = name.strip_prefix(VARIABLE)?.to_ascii_lowercase();
                Some((name, value))
            });
            return Self::of_texts(ours.collect());
        }
        Self::of_value(Value::Object(event))
    }

    /// Reads what variables say, such as those of a pipeline of GitLab.
    ///
    /// # Errors
    /// As [`Payload::read`].
    pub fn of_variables(find: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let texts = FIELDS.iter().filter_map(|field| {
            let text = find(&format!("{VARIABLE}{}", field.to_ascii_uppercase()))?;
            Some(((*field).to_owned(), Value::String(text)))
        });
        Self::of_texts(texts.collect())
    }

    /// Fields as texts: empty ones are absent.
    fn of_texts(texts: Map<String, Value>) -> Result<Self, Problem> {
        let mut fields = Map::new();
        for (name, value) in texts {
            let value = match value {
                Value::String(text) if text.is_empty() => continue,
                Value::String(text) if OBJECTS.contains(&name.as_str()) => {
                    serde_json::from_str(&text)
                        .map_err(|error| bad(&format!("`{}` is no JSON: {error}", shown(&name))))?
                }
                other => other,
            };
            fields.insert(name, value);
        }
        Self::of_value(Value::Object(fields))
    }

    fn of_value(value: Value) -> Result<Self, Problem> {
        let Value::Object(mut fields) = value else {
            return Err(bad("it is no JSON object"));
        };
        if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(bad(&format!("`{}` is no field of it", shown(unknown))));
        }
        match fields.get("hotfix") {
            Some(Value::Null | Value::Bool(false)) => {
                fields.remove("hotfix");
            }
            Some(Value::Bool(true)) => {
                return Err(bad(
                    "`hotfix` is true and names none: its branch tells what fix is owed to main",
                )
                .hint("`\"hotfix\": {\"name\": \"INC-31-double-charge\"}`; `ripcord hotfix ship` sends it"));
            }
            _ => {}
        }
        for field in [
            "service",
            "image",
            "tag",
            "digest",
            "environment",
            "correlation_id",
        ] {
            if !fields.contains_key(field) {
                return Err(bad(&format!("`{field}` is missing")));
            }
        }
        let payload: Self = serde_json::from_value(Value::Object(fields))
            .map_err(|error| bad(&error.to_string()))?;
        payload.check()?;
        Ok(payload)
    }

    /// Whether every field can be what it says.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), Problem> {
        let length = self.text().chars().count();
        if length > MOST_CHARACTERS {
            return Err(too_long(length));
        }
        let plain = |field: &str, text: &str, most: usize| {
            let fits = !text.is_empty()
                && text.chars().count() <= most
                && text.trim() == text
                && !text.chars().any(char::is_control);
            let wrong = || bad(&format!("`{field}` is `{}`", shown(text)));
            fits.then_some(()).ok_or_else(wrong)
        };
        plain("service", &self.service, 253)?;
        plain("environment", &self.environment, 253)?;
        if !is_image(&self.image) {
            return Err(bad(&format!(
                "`image` is `{}`: a registry and a name, without tag and digest",
                shown(&self.image)
            )));
        }
        if !is_tag(&self.tag) {
            return Err(bad(&format!("`tag` is `{}`", shown(&self.tag))));
        }
        if !is_digest(&self.digest) {
            return Err(bad(&format!(
                "`digest` is `{}`: `sha256:` and 64 hex digits",
                shown(&self.digest)
            )));
        }
        if !is_word(&self.correlation_id, 4, 100) {
            return Err(bad(&format!(
                "`correlation_id` is `{}`: 4 to 100 letters, digits, `-`, `_`, `.`",
                shown(&self.correlation_id)
            )));
        }
        if let Some(source) = &self.source {
            if !is_commit(&source.commit) {
                return Err(bad(&format!(
                    "`source.commit` is `{}`: the whole commit in hex",
                    shown(&source.commit)
                )));
            }
            if let Some(base) = source.base.as_ref().filter(|base| !is_commit(base)) {
                return Err(bad(&format!(
                    "`source.base` is `{}`: the whole commit in hex",
                    shown(base)
                )));
            }
            if let Some(repository) = &source.repository {
                plain("source.repository", repository, 2048)?;
                if has_credentials(repository) {
                    return Err(bad("`source.repository` has credentials in it"));
                }
            }
        }
        if let Some(incident) = self.hotfix.as_ref().and_then(|fix| fix.incident.as_ref()) {
            plain("hotfix.incident", incident, 200)?;
        }
        if self.hotfix.is_some() && self.source.is_none() {
            return Err(bad(
                "a hotfix without `source`: what is owed to main is not known",
            ));
        }
        Ok(())
    }

    /// The image by its digest.
    pub fn by_digest(&self) -> String {
        format!("{}@{}", self.image, self.digest)
    }

    /// The image by its tag.
    pub fn by_tag(&self) -> String {
        format!("{}:{}", self.image, self.tag)
    }

    /// As compact JSON.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a proof is of: everything but the proof itself, its time and its key, keys in order.
    pub fn signed_text(&self, key: &str, at: Timestamp) -> String {
        let bare = Self {
            proof: None,
            ..self.clone()
        };
        let said = serde_json::to_value(&bare).unwrap_or_default();
        format!("{EVENT}\n{key}\n{at}\n{}", canonical(&said))
    }

    /// The fields as texts, as inputs and variables take them.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        let said = serde_json::to_value(self).unwrap_or_default();
        let text = |field: &'static str| {
            let value = said.get(field)?;
            Some((
                field,
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            ))
        };
        FIELDS.into_iter().filter_map(text).collect()
    }
}

/// Below this every whole number has one `f64`, and one text without an exponent.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// JSON whose keys are in order: the same value has one text, whoever wrote it.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let pairs: Vec<String> = names
                .into_iter()
                .map(|name| {
                    format!(
                        "{}:{}",
                        Value::String(name.clone()),
                        canonical(&fields[name.as_str()])
                    )
                })
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(canonical).collect();
            format!("[{}]", all.join(","))
        }
        // `12.0` and `12` are one number: a forge may hand it on either way.
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < WHOLE => format!("{float:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn is_word(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>
fn is_tag(text: &str) -> bool {
    is_word(text, 1, 128) && !text.starts_with(['.', '-'])
}

/// A digest with its algorithm, in lower-case hex.
pub fn is_digest(text: &str) -> bool {
    let hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
    };
    text.strip_prefix("sha256:")
        .is_some_and(|rest| hex(rest, 64))
        || text
            .strip_prefix("sha512:")
            .is_some_and(|rest| hex(rest, 128))
}

/// A whole commit, of either hash of git.
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

/// A registry's host and a name in it, without tag and digest.
fn is_image(text: &str) -> bool {
    let Some((host, name)) = text.split_once('/') else {
        return false;
    };
    let host_name = host.split_once(':').map_or(host, |(name, _)| name);
    let is_host = (host_name.contains('.') || host.contains(':') || host == "localhost")
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_')
            })
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    text.len() <= 255 && is_host && name.split('/').all(part)
}

fn has_credentials(address: &str) -> bool {
    address.split_once("://").is_some_and(|(scheme, rest)| {
        let host = rest.split('/').next().unwrap_or_default();
        let user = host.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':') || !scheme.contains("ssh"))
    })
}

/// A text of somebody else's in a message: short, and nothing in it that moves a cursor.
fn shown(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(60)
        .flat_map(char::escape_default)
        .collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

fn bad(why: &str) -> Problem {
    Problem::new(
        Kind::Usage,
        BAD_PAYLOAD,
        format!("the payload of `{EVENT}` cannot be taken: {why}"),
    )
}

fn too_long(length: usize) -> Problem {
    bad(&format!(
        "it has {length} characters, and forges take {MOST_CHARACTERS}"
    ))
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
