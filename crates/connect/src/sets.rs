//! ApplicationSets: what they make Applications from, and how one is told to look again.

use ripcord_domain::live::application::AppName;
use ripcord_domain::live::generated::ApplicationSet;
use serde_json::json;

use crate::argocd::{key, list};
use crate::cluster::{Cluster, Patch, path_of};
use crate::error::ConnectError;
use crate::read;

/// The annotation by which a set is asked to look at once. It takes it away, also unheard when it is at work.
const REFRESH: &str = "argocd.argoproj.io/application-set-refresh";

/// Every set that one may see: of all namespaces, or of Argo CD's own where no more is allowed. Whoever may
/// see none has none.
///
/// # Errors
/// The cluster does not answer.
pub async fn sets(cluster: &Cluster) -> Result<Vec<ApplicationSet>, ConnectError> {
    let what = "the ApplicationSets of Argo CD";
    let listed = if let Some(server) = cluster.server() {
        server.application_sets().await
    } else {
        list(cluster, what, "ApplicationSet").await
    };
    match listed {
        Ok(listed) => Ok(read::items(&listed["items"])
            .map(read::application_set)
            .collect()),
        Err(ConnectError::Forbidden { .. } | ConnectError::Missing { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Asks a set to look at what it makes Applications from.
///
/// # Errors
/// The cluster does not answer or allow it; Argo CD's API does not offer it.
pub async fn regenerate(cluster: &Cluster, set: &AppName) -> Result<(), ConnectError> {
    let patch = json!({"metadata": {"annotations": {REFRESH: "true"}}});
    cluster
        .patch(
            &format!("ApplicationSet {set}"),
            &path_of(&key("ApplicationSet", set)),
            Patch::Merge,
            &patch,
        )
        .await
        .map(drop)
}
