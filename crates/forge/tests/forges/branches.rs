//! A branch is there, gone, or nobody knows.

use ripcord_domain::config::Forge;
use serde_json::json;

use crate::fake::{Fake, Reply};

const NAME: &str = "hotfix/INC-31-double-charge";

async fn exists(forge: Forge, answers: Vec<(&str, Reply)>) -> Result<bool, String> {
    let repository = Fake::of(forge, answers).await.repository().await;
    repository
        .branch_exists(NAME)
        .await
        .map_err(|problem| problem.code)
}

#[tokio::test]
async fn a_branch_of_gitea_or_gitlab_is_gone_only_where_its_repository_is_shown() {
    // Gitea's are recorded.
    let gone =
        json!({"errors": null, "message": "not found", "url": "http://127.0.0.1:3000/api/swagger"});
    let (there, gone) = (
        Reply::json(200, &json!({"name": NAME})),
        Reply::json(404, &gone),
    );
    for (forge, branch) in [
        (
            Forge::Gitea,
            "GET /branches/hotfix%2FINC%2D31%2Ddouble%2Dcharge",
        ),
        (
            Forge::Gitlab,
            "GET /repository/branches/hotfix%2FINC%2D31%2Ddouble%2Dcharge",
        ),
    ] {
        assert_eq!(exists(forge, vec![(branch, there.clone())]).await, Ok(true));
        let shown = vec![
            (branch, gone.clone()),
            ("GET ", Reply::json(200, &json!({"id": 1}))),
        ];
        assert_eq!(exists(forge, shown).await, Ok(false));
        let hidden = vec![(branch, gone.clone()), ("GET ", gone.clone())];
        assert_eq!(
            exists(forge, hidden).await,
            Err("forge_not_there".to_owned())
        );
    }
}

#[tokio::test]
async fn a_branch_of_github_is_not_another_one_that_begins_the_same() {
    const LIST: &str =
        "GET /git/matching-refs/heads/hotfix/INC-31-double-charge?per_page=100&page=1";
    let of =
        |name: &str| json!({"ref": format!("refs/heads/{name}"), "object": {"type": "commit"}});
    let longer = of("hotfix/INC-31-double-charge-2");
    let only_longer = Reply::json(200, &json!([longer]));
    assert_eq!(
        exists(Forge::Github, vec![(LIST, only_longer)]).await,
        Ok(false)
    );
    let both = Reply::json(200, &json!([of(NAME), longer]));
    assert_eq!(exists(Forge::Github, vec![(LIST, both)]).await, Ok(true));
    let empty = Reply::json(409, &json!({"message": "Git Repository is empty."}));
    assert_eq!(exists(Forge::Github, vec![(LIST, empty)]).await, Ok(false));
    let hidden = Reply::json(404, &json!({"message": "Not Found"}));
    let hidden = exists(Forge::Github, vec![(LIST, hidden)]).await;
    assert_eq!(hidden, Err("forge_not_there".to_owned()));
}
