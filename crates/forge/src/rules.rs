//! The rules of a branch, in the words of each forge.

use std::time::Duration;

use ripcord_domain::Problem;
use ripcord_domain::config::Forge;
use serde_json::Value;

use crate::api::Who;
use crate::place::{Place, escaped};
use crate::repository::{Call, Repository};

/// What a push to a branch meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The forge that says so.
    pub forge: Forge,
    /// Whether they let this person push; none where they do not say.
    pub lets_push: Option<bool>,
    /// Each rule, in words.
    pub rules: Vec<String>,
}

/// The rules for a branch, or none where no forge is that is known here. No answer is waited for longer
/// than the limit.
///
/// # Errors
/// The forge does not answer, or not to whoever asks.
pub async fn rules(
    place: &Place,
    forge: Option<Forge>,
    who: Option<&Who>,
    branch: &str,
    limit: Duration,
) -> Result<Option<Rules>, String> {
    // One question each: whoever looks before an incident has other things to ask meanwhile.
    let found = Repository::find(place, forge, who, limit, 1).await;
    let repository = match found {
        Ok(Some(repository)) => repository,
        Ok(None) => return Ok(None),
        // Where nothing answers there may be no forge at all.
        Err(problem) if matches!(problem.code.as_str(), "forge_unreached" | "forge_silent") => {
            return Ok(None);
        }
        Err(problem) => return Err(problem.message),
    };
    let call = repository.call();
    let found = match repository.forge() {
        Forge::Github => github(&call, branch).await,
        Forge::Gitlab => gitlab(&call, branch).await,
        Forge::Gitea => gitea(&call, branch).await,
    };
    found.map(Some).map_err(|problem| problem.message)
}

/// <https://docs.gitea.com/api/> (`repoGetBranch`).
async fn gitea(call: &Call<'_>, branch: &str) -> Result<Rules, Problem> {
    let url = format!("/branches/{}", escaped(branch));
    let said = call.read(&format!("the branch {branch}"), &url).await?;
    Ok(of_gitea(&said, call.repository.is_somebody()))
}

fn of_gitea(said: &Value, is_somebody: bool) -> Rules {
    let is_protected = said["protected"] == true;
    let mut rules = Vec::new();
    if is_protected {
        rules.push("the branch is protected".to_owned());
        let approvals = said["required_approvals"].as_i64().unwrap_or(0);
        if approvals > 0 {
            rules.push(format!("{approvals} approval(s) for a pull request"));
        }
        if said["enable_status_check"] == true {
            rules.push(checks(&said["status_check_contexts"]));
        }
    }
    Rules {
        forge: Forge::Gitea,
        // Nobody may not push anyway.
        lets_push: is_somebody.then(|| said["user_can_push"] == true),
        rules,
    }
}

fn checks(names: &Value) -> String {
    let names: Vec<&str> = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().or_else(|| name["context"].as_str()))
        .collect();
    if names.is_empty() {
        return "checks must pass first".to_owned();
    }
    format!("checks must pass first: {}", names.join(", "))
}

/// <https://docs.gitlab.com/api/branches/#get-single-repository-branch>
async fn gitlab(call: &Call<'_>, branch: &str) -> Result<Rules, Problem> {
    let url = format!("/repository/branches/{}", escaped(branch));
    let said = call.read(&format!("the branch {branch}"), &url).await?;
    Ok(of_gitlab(&said, call.repository.is_somebody()))
}

fn of_gitlab(said: &Value, is_somebody: bool) -> Rules {
    let mut rules = Vec::new();
    if said["protected"] == true {
        rules.push(if said["developers_can_push"] == true {
            "the branch is protected; developers push to it".to_owned()
        } else {
            "the branch is protected".to_owned()
        });
    }
    Rules {
        forge: Forge::Gitlab,
        lets_push: is_somebody.then(|| said["can_push"] == true),
        rules,
    }
}

/// Rules of GitHub that a push of one commit does not meet without a pull request
/// (<https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch>).
const STOPPING: [&str; 7] = [
    "pull_request",
    "required_status_checks",
    "required_deployments",
    "merge_queue",
    "workflows",
    "code_scanning",
    "update",
];

async fn github(call: &Call<'_>, branch: &str) -> Result<Rules, Problem> {
    let branch = escaped(branch);
    let (rules, old) = (
        format!("/rules/branches/{branch}?per_page=100"),
        format!("/branches/{branch}"),
    );
    let (rules, old) = futures_util::future::join(
        call.read("the rules of the branch", &rules),
        call.read("the branch", &old),
    )
    .await;
    let rules = rules?;
    let mut passed = Vec::new();
    for id in rulesets(&rules) {
        let said = call.read("a ruleset", &format!("/rulesets/{id}")).await;
        if said.is_ok_and(|said| said["current_user_can_bypass"] == "always") {
            passed.push(id);
        }
    }
    Ok(of_github(
        &rules,
        &passed,
        &old.unwrap_or_default(),
        call.repository.is_somebody(),
    ))
}

/// The sets that rules are from which stop a push.
fn rulesets(rules: &Value) -> Vec<i64> {
    let mut ids: Vec<i64> = rules
        .as_array()
        .into_iter()
        .flatten()
        .filter(|rule| STOPPING.iter().any(|word| rule["type"] == *word))
        .filter_map(|rule| rule["ruleset_id"].as_i64())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn of_github(said: &Value, passed: &[i64], branch: &Value, is_somebody: bool) -> Rules {
    let mut rules = Vec::new();
    let mut stops = false;
    for rule in said.as_array().into_iter().flatten() {
        let parameters = &rule["parameters"];
        let words = match rule["type"].as_str().unwrap_or_default() {
            "pull_request" => {
                let count = parameters["required_approving_review_count"].as_i64();
                format!("a pull request with {} approval(s)", count.unwrap_or(0))
            }
            "required_status_checks" => checks(&parameters["required_status_checks"]),
            "required_signatures" => "commits must be signed".to_owned(),
            "merge_queue" => "changes go through the merge queue".to_owned(),
            "update" => "nobody may update it".to_owned(),
            // A push that goes forward meets these.
            "non_fast_forward" | "deletion" | "creation" | "required_linear_history" => continue,
            other => other.replace('_', " "),
        };
        let is_passed = rule["ruleset_id"]
            .as_i64()
            .is_some_and(|id| passed.contains(&id));
        let stopping = STOPPING.iter().any(|word| rule["type"] == *word);
        stops |= stopping && !is_passed;
        rules.push(if is_passed {
            format!("{words} (bypassed)")
        } else {
            words
        });
    }
    let is_old = branch["protection"]["enabled"] == true;
    if is_old && rules.is_empty() {
        rules.push(
            "the branch is protected; what that asks for is shown to administrators only".into(),
        );
    }
    Rules {
        forge: Forge::Github,
        lets_push: if stops {
            Some(false)
        } else if is_old || !is_somebody {
            None
        } else {
            Some(true)
        },
        rules,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As <https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch> shows it.
    fn github_rules() -> Value {
        json!([
            {"type": "non_fast_forward", "ruleset_source_type": "Repository",
             "ruleset_source": "acme/infra", "ruleset_id": 42},
            {"type": "pull_request", "ruleset_source_type": "Organization",
             "ruleset_source": "acme", "ruleset_id": 73,
             "parameters": {"required_approving_review_count": 2}},
            {"type": "required_status_checks", "ruleset_id": 73,
             "parameters": {"required_status_checks": [{"context": "guard"}]}},
        ])
    }

    #[test]
    fn a_ruleset_of_github_stops_a_push_unless_one_may_pass_it() {
        let rules = github_rules();
        assert_eq!(rulesets(&rules), [73]);
        let stopped = of_github(&rules, &[], &Value::Null, true);
        assert_eq!(stopped.lets_push, Some(false));
        assert_eq!(
            stopped.rules,
            [
                "a pull request with 2 approval(s)",
                "checks must pass first: guard"
            ]
        );
        let passing = of_github(&rules, &[73], &Value::Null, true);
        assert_eq!(passing.lets_push, Some(true));
        assert!(passing.rules[0].ends_with("(bypassed)"), "{passing:?}");
    }

    #[test]
    fn a_rule_of_github_that_only_forbids_force_lets_a_rollback_through() {
        let rules = json!([{"type": "non_fast_forward", "ruleset_id": 42}]);
        let found = of_github(
            &rules,
            &[],
            &json!({"protection": {"enabled": false}}),
            true,
        );
        assert_eq!((found.lets_push, found.rules.len()), (Some(true), 0));
    }

    #[test]
    fn the_old_protection_of_github_is_not_taken_for_a_yes() {
        let branch = json!({"protected": true, "protection": {"enabled": true}});
        assert_eq!(of_github(&json!([]), &[], &branch, true).lets_push, None);
        assert_eq!(
            of_github(&json!([]), &[], &Value::Null, false).lets_push,
            None
        );
    }

    #[test]
    fn gitlab_says_itself_whether_one_may_push() {
        // As <https://docs.gitlab.com/api/branches/#get-single-repository-branch> shows it.
        let mut said = json!({
            "name": "main", "merged": false, "protected": true, "default": true,
            "developers_can_push": false, "developers_can_merge": false, "can_push": false,
        });
        assert_eq!(of_gitlab(&said, true).lets_push, Some(false));
        assert_eq!(of_gitlab(&said, true).rules, ["the branch is protected"]);
        said["can_push"] = true.into();
        assert_eq!(of_gitlab(&said, true).lets_push, Some(true));
        assert_eq!(of_gitlab(&said, false).lets_push, None);
    }
}
