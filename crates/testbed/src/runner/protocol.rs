//! What a runner and Gitea say to each other: Connect's unary calls, as JSON.
//! <https://gitea.com/gitea/actions-proto-def/src/branch/main/proto/runner/v1/messages.proto>

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// What a runner says of itself.
const VERSION: &str = "testbed";

/// A forge that does not answer at all is down.
const PATIENCE: Duration = Duration::from_secs(10);

/// A runner as its forge knows it.
pub(super) struct Registered {
    runtime: Handle,
    http: reqwest::Client,
    service: String,
    uuid: String,
    token: String,
}

impl Registered {
    /// Makes the forge know a runner; `token` allows it.
    pub(super) fn new(
        runtime: &Handle,
        http: &reqwest::Client,
        forge: &str,
        token: &str,
        name: &str,
        labels: &[String],
    ) -> Result<Self> {
        let mut this = Self {
            runtime: runtime.clone(),
            http: http.clone(),
            service: format!("{forge}/api/actions/runner.v1.RunnerService"),
            uuid: String::new(),
            token: String::new(),
        };
        let made = this.call(
            "Register",
            &json!({"name": name, "token": token, "version": VERSION, "labels": labels}),
        )?;
        let word = |name: &str| {
            let word = made["runner"][name].as_str();
            word.map(str::to_owned)
                .with_context(|| format!("the forge registered a runner without {name}"))
        };
        (this.uuid, this.token) = (word("uuid")?, word("token")?);
        this.call("Declare", &json!({"version": VERSION, "labels": labels}))?;
        Ok(this)
    }

    /// The next task, if there is one.
    pub(super) fn fetch(&self) -> Result<Option<Value>> {
        // With the version of an earlier answer Gitea would not look.
        let mut answer = self.call("FetchTask", &json!({"tasksVersion": "0"}))?;
        Ok(Some(answer["task"].take()).filter(|task| !task.is_null()))
    }

    /// Says how a task stands; whether the forge has cancelled it.
    pub(super) fn update(&self, state: &Value, outputs: &Value) -> Result<bool> {
        let body = json!({"state": state, "outputs": outputs});
        let answer = self.call("UpdateTask", &body)?;
        Ok(answer["state"]["result"] == CANCELLED)
    }

    /// Sends lines of a log that begin at `index`. The forge keeps the log with the `last` ones; those must
    /// not be none.
    pub(super) fn log(&self, task: &str, index: usize, rows: &[Value], last: bool) -> Result<()> {
        let body = json!({
            "taskId": task, "index": index.to_string(), "rows": rows, "noMore": last,
        });
        self.call("UpdateLog", &body).map(drop)
    }

    fn call(&self, method: &str, body: &Value) -> Result<Value> {
        let request = self
            .http
            .post(format!("{}/{method}", self.service))
            .timeout(PATIENCE)
            .header("x-runner-uuid", &self.uuid)
            .header("x-runner-token", &self.token)
            .json(body);
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let status = answer.status();
            let said = answer.text().await?;
            if !status.is_success() {
                bail!("the forge says {status} to {method}: {said}");
            }
            serde_json::from_str(&said)
                .with_context(|| format!("{method} was answered with {said}"))
        })
    }
}

/// How a task or a step has ended.
pub(super) const SUCCESS: &str = "RESULT_SUCCESS";
pub(super) const FAILURE: &str = "RESULT_FAILURE";
pub(super) const CANCELLED: &str = "RESULT_CANCELLED";
pub(super) const SKIPPED: &str = "RESULT_SKIPPED";

/// The time now, as the protocol writes it.
pub(super) fn now() -> String {
    let now = Timestamp::try_from(SystemTime::now());
    now.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
