//! A hotfix goes back to main: a pull request, and conflicts told before anybody meets them.

use std::fmt::Write as _;

use ripcord_domain::config::Forge;
use ripcord_domain::hotfix::HotfixName;
use ripcord_domain::hotfix::name::PREFIX;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_forge::Proposal;
use ripcord_git::Oid;
use ripcord_lineage::{Branch, conflicts, reland_check};
use ripcord_recovery::problems::from_repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::forges;
use crate::source::Source;

/// What is to be merged back.
pub struct MergeBack<'a> {
    /// The source.
    pub source: &'a Source,
    /// The hotfix; none is every one whose branch is there.
    pub hotfix: Option<HotfixName>,
    /// Only look; open nothing.
    pub only_check: bool,
    /// Which forge the source is on, where its address does not say.
    pub forge: Option<Forge>,
    /// Where forges are asked.
    pub runtime: &'a Runtime,
}

/// `ripcord hotfix merge-back`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedBack {
    /// The number of the JSON form.
    pub schema: u32,
    /// The source, without credentials.
    pub remote: String,
    /// The main line.
    pub main: String,
    /// Its tip, in hex.
    pub tip: String,
    /// Each hotfix.
    pub hotfixes: Vec<WayBack>,
}

/// One hotfix's way to main.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WayBack {
    /// The hotfix.
    pub hotfix: HotfixName,
    /// The tip of its branch, in hex.
    pub commit: String,
    /// Whether main has all of it.
    pub is_in_main: bool,
    /// Files on which a merge conflicts.
    pub conflicts: Vec<String>,
    /// What a merge would leave out, as it was reverted on main.
    pub left_out: Option<String>,
    /// The pull request.
    pub pull_request: Option<String>,
    /// Why it could not be looked at, or opened.
    pub problem: Option<String>,
}

impl MergedBack {
    /// What a job ends with.
    ///
    /// # Errors
    /// One could not be looked at or opened; a merge conflicts, or would leave something out.
    pub fn settle(&self) -> Result<(), Problem> {
        let unclear = self.hotfixes.iter().find(|one| one.problem.is_some());
        if let Some((one, why)) = unclear.and_then(|one| Some((one, one.problem.as_ref()?))) {
            return Err(Problem::new(
                Kind::Remote,
                "merge_back_unclear",
                format!("`{}`: {why}", one.hotfix.branch()),
            )
            .hint(format!(
                "again, by itself: `ripcord hotfix merge-back {}`",
                one.hotfix
            )));
        }
        let blocked = |one: &&WayBack| !one.conflicts.is_empty() || one.left_out.is_some();
        let Some(one) = self.hotfixes.iter().find(blocked) else {
            return Ok(());
        };
        let branch = one.hotfix.branch();
        let main = &self.main;
        Err(match &one.left_out {
            Some(why) => Problem::new(
                Kind::Refused,
                "reland_needed",
                format!("merging `{branch}` into {main} leaves out what was reverted: {why}"),
            )
            .hint(format!("`ripcord reland prepare {branch}` builds a branch that lands again")),
            None => Problem::new(
                Kind::Conflict,
                "merge_conflict",
                format!("`{branch}` conflicts with {main} in {}", one.conflicts.join(", ")),
            )
            .hint(format!(
                "a person resolves it: `git switch {branch} && git merge origin/{main}`; the later, the harder"
            )),
        })
    }
}

/// Looks at each hotfix, and opens a pull request for those that main lacks.
///
/// # Errors
/// There is no such branch; the remote or the forge does not answer.
pub fn merge_back(asked: &MergeBack<'_>) -> Result<MergedBack, Problem> {
    let source = asked.source;
    let tips = source.repo.remote_tips(PREFIX).map_err(from_repo)?;
    let mut wanted: Vec<(HotfixName, Oid)> = Vec::new();
    for (branch, tip) in tips {
        // A branch that no hotfix can be called is somebody's own.
        if let Ok(Some(name)) = HotfixName::of_branch(&branch)
            && asked.hotfix.as_ref().is_none_or(|one| *one == name)
        {
            wanted.push((name, tip));
        }
    }
    if let (Some(name), true) = (&asked.hotfix, wanted.is_empty()) {
        return Err(Problem::new(
            Kind::Nothing,
            "no_branch",
            format!("`{}` is not on {}", name.branch(), source.repo.remote()),
        ));
    }
    let mut hotfixes = Vec::new();
    for (name, tip) in wanted {
        // One that cannot be looked at keeps no other from being opened.
        let way = way_back(asked, &name, tip);
        hotfixes.push(way.unwrap_or_else(|problem| WayBack {
            hotfix: name,
            commit: tip.to_string(),
            is_in_main: false,
            conflicts: Vec::new(),
            left_out: None,
            pull_request: None,
            problem: Some(problem.message),
        }));
    }
    Ok(MergedBack {
        schema: SCHEMA,
        remote: source.repo.remote().to_string(),
        main: source.main.clone(),
        tip: source.tip.to_string(),
        hotfixes,
    })
}

fn way_back(asked: &MergeBack<'_>, name: &HotfixName, tip: Oid) -> Result<WayBack, Problem> {
    let source = asked.source;
    let tip = source.commit(&tip.to_string())?;
    let branch = Branch { tip, base: None };
    let verdict = reland_check(&source.repo, branch, source.tip)?;
    let left_out = verdict.case.blocks().then(|| verdict.sentence());
    let is_in_main = left_out.is_none()
        && (source
            .repo
            .is_ancestor(tip, source.tip)
            .map_err(from_repo)?
            || verdict.case == ripcord_lineage::Case::AlreadyThere);
    let paths = if is_in_main {
        Vec::new()
    } else {
        conflicts(&source.repo, tip, source.tip)?
    };
    let conflicts: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let wants_one = !is_in_main && !asked.only_check && left_out.is_none();
    let pull_request = if wants_one {
        Some(open(asked, name, &conflicts)?)
    } else {
        None
    };
    Ok(WayBack {
        hotfix: name.clone(),
        commit: tip.to_string(),
        is_in_main,
        conflicts,
        left_out,
        pull_request,
        problem: None,
    })
}

fn open(asked: &MergeBack<'_>, name: &HotfixName, conflicts: &[String]) -> Result<String, Problem> {
    let (repo, main) = (&asked.source.repo, asked.source.main.as_str());
    let branch = name.branch();
    let mut body = format!(
        "`{branch}` is not in `{main}`. Until it is merged, what is built of `{main}` does not hold the fix.\n"
    );
    if !conflicts.is_empty() {
        body.push_str("\nMerging conflicts in:\n");
        for path in conflicts {
            let _ = writeln!(body, "- `{path}`");
        }
    }
    let who = forges::who(repo, None);
    let pull = asked.runtime.block_on(async {
        let repository = forges::open(repo, asked.forge, who.as_ref()).await?;
        let wanted = Proposal {
            head: branch,
            base: main.to_owned(),
            title: format!("Merge hotfix {name} back"),
            body,
        };
        repository.pull_request(&wanted).await
    })?;
    Ok(pull.url)
}
