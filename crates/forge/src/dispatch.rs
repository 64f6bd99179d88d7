//! A deploy that is asked for: an event that starts the receiver's workflow.

use jiff::Timestamp;
use ripcord_domain::config::Forge;
use ripcord_domain::hotfix::Payload;
use ripcord_domain::hotfix::payload::{EVENT, MOST_PROPERTIES, VARIABLE};
use ripcord_domain::problem::{Kind, Problem};
use serde_json::{Map, Value, json};

use crate::repository::Repository;

/// What is asked for.
pub struct Dispatch<'a> {
    /// The deploy.
    pub payload: &'a Payload,
    /// The file of the receiver's workflow, such as `deploy-service.yml`.
    pub workflow: &'a str,
    /// The branch whose workflow runs.
    pub branch: &'a str,
    /// The token of a pipeline trigger, as GitLab takes it.
    pub trigger: Option<&'a str>,
}

/// What the forge said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatched {
    /// The run that it started, where the forge names it at once.
    pub run: Option<u64>,
    /// Where a person sees that run.
    pub url: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
}

impl Repository<'_> {
    /// Sends the event. It is never sent twice here: what it starts is known again by its correlation id.
    ///
    /// # Errors
    /// The payload is over the forge's limits; the forge does not take it, or does not answer: whether it took
    /// it is not known then.
    pub async fn dispatch(
        &self,
        asked: &Dispatch<'_>,
        now: Timestamp,
    ) -> Result<Dispatched, Problem> {
        let payload = asked.payload;
        payload.check()?;
        let what = format!("the event `{EVENT}` to {}", self.place.path);
        let said = match self.forge {
            Forge::Github => {
                let sent = serde_json::to_value(payload).unwrap_or_default();
                let properties = sent.as_object().map_or(0, Map::len);
                if properties > MOST_PROPERTIES {
                    return Err(Problem::new(
                        Kind::Usage,
                        "bad_payload",
                        format!(
                            "a payload has {properties} properties, and GitHub takes {MOST_PROPERTIES}"
                        ),
                    ));
                }
                let body = json!({"event_type": EVENT, "client_payload": sent});
                self.post(&what, "/dispatches", &body).await?
            }
            Forge::Gitea => {
                let inputs: Map<String, Value> = payload
                    .texts()
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), Value::String(text)))
                    .collect();
                let path = format!(
                    "/actions/workflows/{}/dispatches?return_run_details=true",
                    asked.workflow
                );
                let body = json!({"ref": asked.branch, "inputs": inputs});
                self.post(&what, &path, &body).await?
            }
            Forge::Gitlab => {
                let Some(token) = asked.trigger else {
                    return Err(Problem::new(
                        Kind::Usage,
                        "no_trigger_token",
                        "GitLab starts a pipeline by a trigger token, and there is none",
                    )
                    .hint("`RIPCORD_TRIGGER_TOKEN` holds it: Settings, CI/CD, Pipeline trigger tokens"));
                };
                let variables: Map<String, Value> = payload
                    .texts()
                    .into_iter()
                    .map(|(name, text)| {
                        (
                            format!("{VARIABLE}{}", name.to_uppercase()),
                            Value::String(text),
                        )
                    })
                    .collect();
                let body = json!({"token": token, "ref": asked.branch, "variables": variables});
                let url = format!("{}/trigger/pipeline", self.base());
                let answer = self.api.tell_unnamed(&url, &body).await;
                self.said(&what, answer)?
            }
        };
        let run = said["workflow_run_id"]
            .as_u64()
            .or_else(|| said["id"].as_u64());
        let url = [&said["html_url"], &said["run_url"], &said["web_url"]];
        let url = url.into_iter().find_map(Value::as_str);
        Ok(Dispatched {
            run,
            url: url.map(str::to_owned),
            at: now,
        })
    }
}
