//! Git before an incident: who commits, whether a push is let through, where it would go.

use std::time::Duration;

use jiff::Timestamp;
use ripcord_domain::config::Forge;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
use ripcord_forge::{Place, Rules, Who};
use ripcord_git::{Credentials, SafeUrl};
use ripcord_recovery::keep;
use ripcord_recovery::survey::Branch;

use super::{Finding, Light};

/// Whether a commit can be made and pushed, as whom.
pub(super) fn git(
    branch: &Branch,
    known: Option<&Credentials>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    match branch.repo.identity(now.as_second()) {
        Ok(who) => findings.push(Finding::green(
            "identity",
            format!("commits are by {} <{}>", who.author.name, who.author.email),
        )),
        Err(error) => findings.push(Finding::red(
            "identity",
            error.to_string(),
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        )),
    }
    findings.push(account(branch.repo.remote().push_url(), known));
    match keep::may_push(branch) {
        Ok(()) => findings.push(Finding::green(
            "push",
            format!("{} lets these credentials push", branch.repo.remote()),
        )),
        Err(problem) => findings.push(Finding::red(
            "push",
            problem.message.clone(),
            problem
                .hints
                .first()
                .cloned()
                .unwrap_or_else(|| "`git push --dry-run` shows why".to_owned()),
        )),
    }
}

/// The account that pushes: often another one than the author.
fn account(address: &SafeUrl, known: Option<&Credentials>) -> Finding {
    let what = match (address.ssh_user(), known) {
        (Some(user), _) => {
            format!("pushes go over SSH as {user}; on a forge the key tells whose account that is")
        }
        (None, Some(known)) => match known.name() {
            Some(name) => format!("pushes are as {name}"),
            None => "pushes are as whoever the token belongs to".to_owned(),
        },
        (None, None) => {
            "pushes are as nobody who is known here: no helper of git and no address names anybody"
                .to_owned()
        }
    };
    Finding::green("account", what)
}

/// What each service would go back to.
pub(super) fn targets(plan: Result<&Plan, &Problem>, findings: &mut Vec<Finding>) {
    let plan = match plan {
        Ok(plan) => plan,
        Err(problem) => {
            findings.push(Finding::red(
                "plan",
                problem.message.clone(),
                problem.hints.first().cloned().unwrap_or_default(),
            ));
            return;
        }
    };
    for part in &plan.services {
        let name = format!("{} in {}", part.service, part.environment);
        match (&part.target, part.candidates.len()) {
            (Some(target), _) => findings.push(Finding::green(
                "target",
                format!(
                    "{name} would go from {} to {}",
                    part.current.version, target.version
                ),
            )),
            (None, 0) => findings.push(Finding::red(
                "target",
                format!("{name} has no earlier version to go back to"),
                format!("`ripcord history {}` shows what is known", part.service),
            )),
            (None, _) => findings.push(Finding::amber(
                "target",
                format!(
                    "{name}: {}",
                    part.nothing_to_do.as_deref().unwrap_or("nothing to do")
                ),
                "`--again` goes one version further",
            )),
        }
    }
}

/// The rules that a forge has for the branch; none where the remote is on no forge that is known.
pub(super) async fn rules(
    address: String,
    forge: Option<Forge>,
    who: Option<Who>,
    branch: String,
    limit: Duration,
) -> Result<Option<Rules>, String> {
    match Place::of(&address) {
        Some(place) => ripcord_forge::rules(&place, forge, who.as_ref(), &branch, limit).await,
        None => Ok(None),
    }
}

/// Whom the forge is asked as: whom git pushes as, so that both mean the same person.
pub(super) fn who(known: &Credentials) -> Who {
    Who::new(known.user.as_str(), known.reveal())
}

/// What the rules mean for a recovery.
pub(super) fn judged(branch: &str, rules: Result<Option<Rules>, String>) -> Finding {
    const CODE: &str = "branch_rules";
    let pull_request = "`ripcord rollback … --push-to BRANCH --git-only` pushes it for a pull request; let whoever \
         recovers pass the rule, or production stays held until it is merged";
    let unseen = |why: &str| {
        Finding::green(
            CODE,
            format!("rules of the branch {branch} are not seen before a push: {why}"),
        )
    };
    let rules = match rules {
        Ok(Some(rules)) => rules,
        Ok(None) => {
            return unseen(
                "the remote is on no forge that is known here (`forge:` in ripcord.yaml names it)",
            );
        }
        Err(why) => return unseen(&why),
    };
    let words = if rules.rules.is_empty() {
        "it has no rules".to_owned()
    } else {
        rules.rules.join("; ")
    };
    match rules.lets_push {
        Some(true) => Finding::green(CODE, format!("{branch} can be pushed to: {words}")),
        Some(false) => Finding::red(
            CODE,
            format!("a push to {branch} is stopped: {words}"),
            pull_request,
        ),
        None if rules.rules.is_empty() => unseen("the forge does not know who asks"),
        None => {
            let mut finding = Finding::new(
                CODE,
                Light::Amber,
                format!("a push to {branch} may be stopped: {words}"),
            );
            finding.mend = Some(pull_request.to_owned());
            finding
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ssh_the_account_is_the_user_of_the_address_and_else_not_guessed() {
        let of = |address: &str| account(&SafeUrl::new(address), None).what;
        assert!(of("git@git.acme.example:infra.git").contains("over SSH as git"));
        assert!(of("https://git.acme.example/infra.git").contains("nobody who is known"));
    }

    #[test]
    fn only_a_rule_that_stops_is_red_and_what_is_unknown_is_not_a_yes() {
        let of = |lets_push, rules: &[&str]| {
            judged(
                "main",
                Ok(Some(Rules {
                    forge: Forge::Gitea,
                    lets_push,
                    rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
                })),
            )
        };
        assert_eq!(
            of(Some(true), &["the branch is protected"]).light,
            Light::Green
        );
        assert_eq!(
            of(Some(false), &["the branch is protected"]).light,
            Light::Red
        );
        assert_eq!(of(None, &["the branch is protected"]).light, Light::Amber);
        assert!(of(None, &[]).what.contains("not seen"));
        assert!(
            judged("main", Err("no answer".into()))
                .what
                .contains("no answer")
        );
    }
}
