//! Tells a receiver to deploy: one event, sent once.

use jiff::Timestamp;
use ripcord_domain::config::Forge;
use ripcord_domain::hotfix::payload::{MOST_CHARACTERS, MOST_PROPERTIES, VARIABLE};
use ripcord_domain::{Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, text};
use crate::api::Secret;
use crate::repository::{Repository, Unwritten};
use crate::runs::RunRef;

/// What GitHub takes of an event's name, in characters (same page).
const LONGEST_EVENT: usize = 100;

/// One event for a receiver.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The event of GitHub, such as `deploy-service`.
    pub event: String,
    /// The file of the workflow, such as `deploy-service.yml`: Gitea starts it by that name.
    pub workflow: String,
    /// The branch whose workflow runs; GitHub always takes the default branch.
    pub branch: String,
    /// What is passed on. `correlation_id` must be in it: by that the run is found again.
    pub payload: Map<String, Value>,
    /// The trigger token of the project, for GitLab.
    pub trigger: Option<Secret>,
}

/// An event that a forge took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatched {
    /// What the run's name contains.
    pub correlation_id: String,
    /// The workflow that runs.
    pub workflow: String,
    /// The run, where the forge said it at once.
    pub run: Option<RunRef>,
    /// When it was taken, by the forge's clock; none where it did not say.
    pub at: Option<Timestamp>,
}

impl Dispatched {
    /// An event of which only the id is known: sent by somebody else, or `dispatch_unclear`.
    pub fn unseen(correlation_id: impl Into<String>, workflow: impl Into<String>) -> Self {
        Self {
            correlation_id: correlation_id.into(),
            workflow: workflow.into(),
            run: None,
            at: None,
        }
    }
}

impl Repository {
    /// Sends an event to the receiver of this repository.
    ///
    /// GitHub says nothing of the run that it starts; [`Repository::run_of`] finds it.
    ///
    /// # Errors
    /// `bad_payload`: it is over the forge's limits, nothing was sent. `dispatch_unclear`: it was sent and
    /// nobody knows whether it was taken; [`Repository::run_of`] with [`Dispatched::unseen`] tells. All others:
    /// it was not taken.
    pub async fn dispatch(&self, dispatch: &Dispatch) -> Result<Dispatched, Problem> {
        let Some(id) = dispatch.payload.get("correlation_id").and_then(text) else {
            return Err(bad(
                "it has no correlation_id, so its run could not be found",
            ));
        };
        let call = self.call();
        let what = format!("the dispatch of {}", dispatch.event);
        let sent = match self.forge() {
            Forge::Github => {
                let body = of_github(dispatch)?;
                call.write(&what, "/dispatches", &body).await
            }
            Forge::Gitea => {
                let path = format!(
                    "/actions/workflows/{}/dispatches?return_run_details=true",
                    crate::repository::value(&dispatch.workflow)
                );
                call.write(&what, &path, &of_gitea(dispatch)).await
            }
            Forge::Gitlab => {
                let trigger = dispatch.trigger.as_ref().ok_or_else(no_trigger)?;
                let fields = of_gitlab(dispatch, trigger);
                let what = format!("the pipeline that {} starts", dispatch.event);
                call.write_as(trigger, &what, "/trigger/pipeline", &fields)
                    .await
            }
        };
        match sent {
            Ok(answer) => Ok(Dispatched {
                run: run_in(self.forge(), &answer),
                at: answer.at(),
                ..Dispatched::unseen(id, &dispatch.workflow)
            }),
            Err(Unwritten::Refused { problem, .. }) => Err(hinted(self.forge(), problem)),
            Err(Unwritten::Unclear(problem)) => Err(Problem::new(
                Kind::Remote,
                "dispatch_unclear",
                format!(
                    "{what} was sent, and it is not known whether it was taken: {}",
                    problem.message
                ),
            )
            .hint(format!("see whether there is a run with {id} in its name"))
            .hint("sent again with the same correlation id it deploys once at most: the receiver knows the id")),
        }
    }
}

/// What a refusal means of a dispatch: GitHub hides what a token may not write, and a workflow's own token reaches
/// its repository only; GitLab hides the project from a trigger token that is not one of its own.
fn hinted(forge: Forge, problem: Problem) -> Problem {
    match (forge, problem.code.as_str()) {
        (Forge::Github, "forge_not_there" | "forge_forbidden") => problem.hint(
            "a dispatch needs a token that may write the contents of that repository; the GITHUB_TOKEN of a workflow reaches its own repository only",
        ),
        (Forge::Gitlab, "forge_not_there") => Problem {
            hints: vec![
                "see whether the trigger token is one of this project's, and the project spelt so".into(),
            ],
            ..problem
        },
        _ => problem,
    }
}

fn bad(why: impl AsRef<str>) -> Problem {
    Problem::new(
        Kind::Usage,
        "bad_payload",
        format!("the payload cannot be sent: {}", why.as_ref()),
    )
}

fn of_github(dispatch: &Dispatch) -> Result<Value, Problem> {
    let count = dispatch.payload.len();
    if count > MOST_PROPERTIES {
        return Err(bad(format!(
            "it has {count} properties at its top, and GitHub takes {MOST_PROPERTIES}"
        ))
        .hint("put what belongs together into one object"));
    }
    let length = Value::Object(dispatch.payload.clone())
        .to_string()
        .chars()
        .count();
    if length > MOST_CHARACTERS {
        return Err(bad(format!(
            "its JSON has {length} characters, and GitHub takes {MOST_CHARACTERS}"
        ))
        .hint("the gate's record is the longest part of it: send it in its short form"));
    }
    let length = dispatch.event.chars().count();
    if length == 0 || length > LONGEST_EVENT {
        return Err(bad(format!(
            "its event has a name of {length} characters, and GitHub takes 1 to {LONGEST_EVENT}"
        )));
    }
    Ok(json!({"event_type": dispatch.event, "client_payload": dispatch.payload}))
}

/// What is no text becomes its JSON: inputs and variables are texts. What is null is left out.
fn texts(payload: &Map<String, Value>) -> impl Iterator<Item = (&String, String)> {
    payload.iter().filter_map(|(name, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((name, text.clone())),
        other => Some((name, other.to_string())),
    })
}

fn of_gitea(dispatch: &Dispatch) -> Value {
    let inputs: Map<String, Value> = texts(&dispatch.payload)
        .map(|(name, text)| (name.clone(), text.into()))
        .collect();
    json!({
        "ref": dispatch.branch,
        "inputs": inputs,
        // Forgejo's word for the run's details (<https://codeberg.org/api/swagger>, DispatchWorkflowOption);
        // Gitea takes no notice.
        "return_run_info": true,
    })
}

/// <https://docs.gitlab.com/api/pipeline_triggers/#trigger-a-pipeline-with-a-token>
fn of_gitlab(dispatch: &Dispatch, trigger: &Secret) -> Vec<(String, String)> {
    let mut fields = vec![
        ("token".to_owned(), trigger.reveal().to_owned()),
        ("ref".to_owned(), dispatch.branch.clone()),
    ];
    for (name, text) in texts(&dispatch.payload) {
        let name = name.to_ascii_uppercase();
        fields.push((format!("variables[{VARIABLE}{name}]"), text));
    }
    fields
}

fn no_trigger() -> Problem {
    Problem::new(
        Kind::Usage,
        "no_trigger_token",
        "GitLab starts a pipeline by a trigger token, and none is known",
    )
    .hint("Settings → CI/CD → Pipeline trigger tokens of the infra project makes one")
}

/// The run that an answer names. An answer that was cut short names none; the event is taken all the same.
fn run_in(forge: Forge, answer: &Answer) -> Option<RunRef> {
    let said = answer.json();
    let (id, url) = match forge {
        Forge::Github => return None,
        Forge::Gitea => (
            // Forgejo says only `id`.
            said["workflow_run_id"].as_u64().or(said["id"].as_u64()),
            text(&said["html_url"]),
        ),
        Forge::Gitlab => (said["id"].as_u64(), text(&said["web_url"])),
    };
    Some(RunRef { id: id?, url })
}
