//! Which forge a repository is on.

use ripcord_domain::config::Forge;
use serde_json::Value;

use crate::api::Api;
use crate::place::Place;

/// The forge: as it is configured, by its host, or by what only one of them answers.
pub(crate) async fn which(api: &Api<'_>, place: &Place, forge: Option<Forge>) -> Option<Forge> {
    match forge.or_else(|| by_host(place.host())) {
        Some(forge) => Some(forge),
        None => by_asking(api, place).await,
    }
}

fn by_host(host: &str) -> Option<Forge> {
    match host {
        "github.com" => Some(Forge::Github),
        "gitlab.com" => Some(Forge::Gitlab),
        "codeberg.org" | "gitea.com" => Some(Forge::Gitea),
        _ => None,
    }
}

/// Which forge a host is, by what only one of them answers.
async fn by_asking(api: &Api<'_>, place: &Place) -> Option<Forge> {
    let at = |path: &str| format!("{}{path}", place.origin);
    let (gitea, gitlab, github) = (
        at("/api/v1/version"),
        at("/api/v4/version"),
        at("/api/v3/meta"),
    );
    let (gitea, gitlab, github) = futures_util::future::join3(
        api.ask_unnamed(&gitea),
        api.ask_unnamed(&gitlab),
        api.ask_unnamed(&github),
    )
    .await;
    let says = |answer: Result<(u16, Value), String>, status: u16, field: &str| {
        answer.is_ok_and(|(code, said)| code == status && !said[field].is_null())
    };
    if says(gitea, 200, "version") {
        Some(Forge::Gitea)
    } else if says(github, 200, "verifiable_password_authentication") {
        Some(Forge::Github)
    } else if says(gitlab, 401, "message") {
        Some(Forge::Gitlab)
    } else {
        None
    }
}
