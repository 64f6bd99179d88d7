//! Which forge a host is, and where the API of a repository is there.

use std::time::Duration;

use ripcord_domain::config::Forge;

use crate::answer::Answer;
use crate::api::{Api, Silence};
use crate::place::Place;

/// The forge that a host is known for.
pub(crate) fn by_host(host: &str) -> Option<Forge> {
    match host {
        "github.com" => Some(Forge::Github),
        "gitlab.com" => Some(Forge::Gitlab),
        "codeberg.org" | "gitea.com" => Some(Forge::Gitea),
        // A company's own part of GitHub's cloud.
        other => other.ends_with(".ghe.com").then_some(Forge::Github),
    }
}

/// Which forge a host is, by what only one of them answers; none where it is none of them.
pub(crate) async fn by_asking(
    api: &Api,
    place: &Place,
    limit: Duration,
) -> Result<Option<Forge>, Silence> {
    let at = |path: &str| format!("{}{path}", place.origin);
    let (gitea, gitlab, github) = (
        at("/api/v1/version"),
        at("/api/v4/version"),
        at("/api/v3/meta"),
    );
    let (gitea, gitlab, github) = futures_util::future::join3(
        api.ask_unnamed(&gitea, limit),
        api.ask_unnamed(&gitlab, limit),
        api.ask_unnamed(&github, limit),
    )
    .await;
    let says = |answer: &Result<Answer, Silence>, status: u16, field: &str| {
        answer.as_ref().is_ok_and(|answer| {
            answer.status == status && answer.json().get(field).is_some_and(|it| !it.is_null())
        })
    };
    if says(&gitea, 200, "version") {
        Ok(Some(Forge::Gitea))
    } else if says(&github, 200, "verifiable_password_authentication") {
        Ok(Some(Forge::Github))
    } else if says(&gitlab, 401, "message") {
        Ok(Some(Forge::Gitlab))
    } else {
        // Whoever says nothing at all may be any of them.
        match (gitea, gitlab, github) {
            (Err(silence), Err(_), Err(_)) => Err(silence),
            _ => Ok(None),
        }
    }
}

/// Where the API of a repository begins, without a slash at the end.
///
/// GitHub: <https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/feature-overview-for-github-enterprise-cloud-with-data-residency>
/// and <https://docs.github.com/en/enterprise-server@latest/rest/quickstart>; GitLab:
/// <https://docs.gitlab.com/api/rest/#namespaced-paths>; Gitea: <https://docs.gitea.com/development/api-usage>.
pub(crate) fn root(place: &Place, forge: Forge) -> String {
    let Place { origin, path } = place;
    match forge {
        Forge::Github => match place.host() {
            "github.com" => format!("https://api.github.com/repos/{path}"),
            host if host.ends_with(".ghe.com") => format!("https://api.{host}/repos/{path}"),
            _ => format!("{origin}/api/v3/repos/{path}"),
        },
        Forge::Gitlab => format!("{origin}/api/v4/projects/{}", place.id()),
        Forge::Gitea => format!("{origin}/api/v1/repos/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_forge_has_its_api_elsewhere() {
        let roots = [
            (
                "git@github.com:acme/infra.git",
                "https://api.github.com/repos/acme/infra",
            ),
            (
                "https://acme.ghe.com/acme/infra",
                "https://api.acme.ghe.com/repos/acme/infra",
            ),
            (
                "https://gitlab.com/acme/prod/infra.git",
                "https://gitlab.com/api/v4/projects/acme%2Fprod%2Finfra",
            ),
            (
                "https://codeberg.org/acme/infra",
                "https://codeberg.org/api/v1/repos/acme/infra",
            ),
        ];
        for (address, there) in roots {
            let place = Place::of(address).unwrap();
            let forge = by_host(place.host()).unwrap();
            assert_eq!(root(&place, forge), there);
        }
        let own = Place::of("https://github.acme.example/acme/infra").unwrap();
        assert_eq!(by_host(own.host()), None);
        assert_eq!(
            root(&own, Forge::Github),
            "https://github.acme.example/api/v3/repos/acme/infra"
        );
    }
}
