//! Forges, asked as whom git pushes as, or by a token of their own.

use std::time::Duration;

use ripcord_domain::config::{Forge, SourceOf};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_forge::{CheckState, Place, Repository, Who};
use ripcord_git::Repo;
use tokio::runtime::Runtime;

use crate::source::Source;

/// How long a forge may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The code of an address that is on no forge.
pub(crate) const NO_FORGE: &str = "no_forge";

/// Whom a forge is asked as: by a token where there is one, else whom git pushes as.
pub fn who(repo: &Repo, token: Option<&str>) -> Option<Who> {
    match token {
        // Forges take any name with a token.
        Some(token) => Some(Who::new("x-access-token", token)),
        None => repo
            .credentials()
            .map(|known| Who::new(known.user.as_str(), known.reveal())),
    }
}

/// The repository on its forge.
///
/// # Errors
/// Its address is on none, or on none that is known.
pub async fn open(
    repo: &Repo,
    forge: Option<Forge>,
    who: Option<&Who>,
) -> Result<Repository, Problem> {
    let remote = repo.remote();
    let place = Place::of(&remote.push_url().to_string()).ok_or_else(|| {
        Problem::new(
            Kind::Usage,
            NO_FORGE,
            format!("{remote} is on no forge: it has no owner and name"),
        )
    })?;
    Repository::open(&place, forge, who, LIMIT).await
}

/// The checks that ran on a commit.
///
/// # Errors
/// The forge is not known, or does not answer.
pub fn checks(
    runtime: &Runtime,
    source: &Source,
    known: &SourceOf,
    commit: &str,
) -> Result<Vec<CheckState>, Problem> {
    let who = who(&source.repo, None);
    runtime.block_on(async {
        let repository = open(&source.repo, known.forge, who.as_ref()).await?;
        repository.statuses(commit).await
    })
}
