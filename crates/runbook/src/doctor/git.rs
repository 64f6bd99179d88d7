//! Git before an incident: who commits, whether a push is let through, where it would go.

use std::rc::Rc;

use futures_util::future::join;
use jiff::Timestamp;
use ripcord_domain::config::Config;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_forge::{Place, Rules, Who};
use ripcord_git::{Credentials, SafeUrl};
use ripcord_recovery::request::Request;
use ripcord_recovery::survey::Branch;
use ripcord_recovery::{keep, ship};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::deadline::Deadline;
use super::{About, Finding, Opening};
use crate::recover::broken;

const SILENT: &str = "look again; `git ls-remote URL` shows whether its server answers, `ssh-add` unlocks a key \
                      that wants a passphrase, `ripcord status` reads a long history once and keeps it";

/// What was read in Git.
pub(super) struct Read {
    pub(super) branch: Branch,
    /// The rollback of the service that was asked about; of the place only why there can be none.
    pub(super) plan: Option<Result<Plan, Problem>>,
    pub(super) config: Config,
}

/// Opens the branch, reads it, asks whether a push is let through. What was read is handed on as soon as it is
/// there; who waits for it hears nothing where it cannot be.
pub(super) async fn look(
    open: Opening,
    about: &About<'_>,
    deadline: Deadline,
    tell: oneshot::Sender<Rc<Read>>,
) -> Result<Vec<Finding>, Problem> {
    let (now, end) = (about.now, deadline.of_git());
    let opened = spawn_blocking(move || {
        let branch = open(end)?;
        let identity = identity(&branch, now);
        Ok::<_, Problem>((branch, identity))
    });
    let opened = deadline.waits_for("git", "the branch in Git", opened).await;
    let (branch, identity) = match opened {
        Ok(opened) => match opened.map_err(broken)? {
            Ok(opened) => opened,
            // What keeps Git from being asked says nothing of the cluster.
            Err(problem) if problem.kind == Kind::Remote => {
                return Ok(vec![unread("the branch in Git", &problem, deadline)]);
            }
            Err(problem) => return Err(problem),
        },
        Err(late) => return Ok(vec![with_silent(late)]),
    };
    let name = branch.name.clone();
    let asks = branch.handle();
    let asks = spawn_blocking(move || asks.repo.credentials());
    let request = about.request.cloned();
    let what = format!("the branch {name} in Git");
    let reading = spawn_blocking(move || read(branch, request.as_ref(), now));
    let read = match deadline.waits_for("git", &what, reading).await {
        Ok(read) => read.map_err(broken)?,
        Err(late) => return Ok(vec![identity, with_silent(late)]),
    };
    if let Some(Err(problem)) = &read.plan
        && problem.kind == Kind::Remote
        && deadline.has_ended_git()
    {
        return Ok(vec![identity, unread(&what, problem, deadline)]);
    }
    let read = Rc::new(read);
    // Whoever no longer waits for it has told so.
    let _ = tell.send(Rc::clone(&read));
    let (push, rules) = join(push(&read, deadline), rules(&read, asks, deadline)).await;
    let mut findings = vec![identity];
    let [account, rules] = rules?;
    findings.push(account);
    targets(read.plan.as_ref(), &mut findings);
    findings.extend([push?, rules]);
    Ok(findings)
}

fn read(branch: Branch, request: Option<&Request>, now: Timestamp) -> Read {
    let read = match request {
        Some(request) => ship::plan(&branch, request, now).and_then(|plan| {
            let config = branch.config_of(&plan)?;
            Ok((Some(Ok(plan)), config))
        }),
        None => branch.newest().map(|place| (None, place.settings.config)),
    };
    // Where Git cannot be read the rest is still worth a look.
    let (plan, config) = read.unwrap_or_else(|problem| (Some(Err(problem)), Config::default()));
    Read {
        branch,
        plan,
        config,
    }
}

/// Why Git could not be read. What was ended because it took too long is no answer.
fn unread(what: &str, problem: &Problem, deadline: Deadline) -> Finding {
    if deadline.has_ended_git() {
        with_silent(deadline.late("git", what))
    } else {
        Finding::of_problem("git", problem, SILENT)
    }
}

fn with_silent(mut late: Finding) -> Finding {
    late.mend = Some(SILENT.to_owned());
    late
}

/// As whom a commit is made.
fn identity(branch: &Branch, now: Timestamp) -> Finding {
    match branch.repo.identity(now.as_second()) {
        Ok(who) => Finding::green(
            "identity",
            format!("commits are by {} <{}>", who.author.name, who.author.email),
        ),
        Err(error) => Finding::red(
            "identity",
            error.to_string(),
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        ),
    }
}

/// Asks whether a push is let through.
async fn push(read: &Read, deadline: Deadline) -> Result<Finding, Problem> {
    let asks = read.branch.handle();
    let to = asks.repo.remote().to_string();
    let asked = spawn_blocking(move || keep::may_push(&asks));
    let asked = deadline.waits_for("push", "whether a push is let through", asked);
    Ok(match asked.await {
        Ok(asked) => pushed(&to, asked.map_err(broken)?, deadline),
        Err(late) => with_silent(late),
    })
}

/// Whether a push is let through.
fn pushed(to: &str, asked: Result<(), Problem>, deadline: Deadline) -> Finding {
    match asked {
        Ok(()) => Finding::green("push", format!("{to} lets these credentials push")),
        Err(problem) if problem.kind == Kind::Remote && deadline.has_ended_git() => {
            with_silent(deadline.late("push", "whether a push is let through"))
        }
        Err(problem) => Finding::of_problem("push", &problem, "`git push --dry-run` shows why"),
    }
}

/// Asks which account pushes, and as it for the rules that the branch has.
async fn rules(
    read: &Read,
    asks: JoinHandle<Option<Credentials>>,
    deadline: Deadline,
) -> Result<[Finding; 2], Problem> {
    let (name, address) = (&read.branch.name, read.branch.repo.remote().push_url());
    let known = deadline.waits_for("account", "git's credential helper", asks);
    let (known, account) = match known.await {
        Ok(known) => {
            let known = known.map_err(broken)?;
            let account = account(address, known.as_ref());
            (known, account)
        }
        Err(late) => (None, late),
    };
    let what = format!("the rules of the branch {name}");
    let who = known.as_ref().map(who);
    let place = Place::of(&address.to_string());
    let asked = async {
        match &place {
            Some(place) => {
                let forge = read.config.forge;
                let limit = deadline.of_a_question();
                ripcord_forge::rules(place, forge, who.as_ref(), name, limit).await
            }
            // It is on no forge that is known.
            None => Ok(None),
        }
    };
    let rules = match deadline.waits_for("branch_rules", &what, asked).await {
        Ok(rules) => judged(name, rules),
        Err(late) => late,
    };
    Ok([account, rules])
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
fn targets(plan: Option<&Result<Plan, Problem>>, findings: &mut Vec<Finding>) {
    let plan = match plan {
        Some(Ok(plan)) => plan,
        Some(Err(problem)) => {
            let otherwise = "`ripcord history SERVICE` shows what is known of it";
            findings.push(Finding::of_problem("plan", problem, otherwise));
            return;
        }
        None => return,
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

/// Whom the forge is asked as: whom git pushes as, so that both mean the same person.
fn who(known: &Credentials) -> Who {
    Who::new(known.user.as_str(), known.reveal())
}

/// What the rules mean for a recovery.
fn judged(branch: &str, rules: Result<Option<Rules>, String>) -> Finding {
    const CODE: &str = "branch_rules";
    let pull_request = "`ripcord rollback … --push-to BRANCH --git-only` pushes it for a pull request; let whoever \
         recovers pass the rule, or production stays held until it is merged";
    // A rule that nobody saw may stop the push in the middle of an incident.
    let unseen = |why: &str, mend: &str| {
        Finding::amber(
            CODE,
            format!("rules of the branch {branch} are not seen before a push: {why}"),
            mend,
        )
    };
    let rules = match rules {
        Ok(Some(rules)) => rules,
        Ok(None) => {
            return unseen(
                "the remote is on no forge that is known here",
                "`forge:` in ripcord.yaml names it; of a plain Git server ask whoever runs it for its hooks",
            );
        }
        Err(why) => {
            return unseen(
                &why,
                "let git's credential helper know a token that may read the rules of the branch, and look again",
            );
        }
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
        None if rules.rules.is_empty() => unseen(
            "the forge does not know who asks",
            "let git's credential helper know a token of whoever pushes",
        ),
        None => Finding::amber(
            CODE,
            format!("a push to {branch} may be stopped: {words}"),
            pull_request,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Light;
    use std::time::Duration;

    use super::*;
    use ripcord_domain::config::Forge;

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
    }

    #[test]
    fn rules_that_nobody_saw_are_not_green() {
        let of = |rules| {
            let finding = judged("main", rules);
            assert_eq!(finding.light, Light::Amber, "{finding:?}");
            assert!(finding.mend.is_some());
            finding.what
        };
        assert!(of(Ok(None)).contains("on no forge that is known"));
        assert!(of(Err("no answer".into())).contains("no answer"));
        let nobody = Rules {
            forge: Forge::Gitea,
            lets_push: None,
            rules: Vec::new(),
        };
        assert!(of(Ok(Some(nobody))).contains("does not know who asks"));
    }

    #[test]
    fn a_push_that_was_ended_for_its_silence_is_no_refusal() {
        let ended = || {
            let ended = Problem::new(Kind::Remote, "unreachable", "`git push` took longer");
            Err(ended.hint("running it again is safe"))
        };
        let runtime = crate::recover::runtime().unwrap();
        let soon = runtime.block_on(async { Deadline::start(Duration::from_mins(1)) });
        assert_eq!(pushed("infra", ended(), soon).light, Light::Red);
        let over = pushed("infra", ended(), Deadline::over());
        assert_eq!(over.light, Light::Amber);
        assert!(over.what.contains("not answered within 2 s"), "{over:?}");
        let refused = Err(Problem::new(Kind::Rejected, "push_rejected", "403"));
        assert_eq!(pushed("infra", refused, Deadline::over()).light, Light::Red);
    }
}
