//! What whoever asks may do.

use serde_json::json;

use crate::cluster::Cluster;
use crate::error::ConnectError;

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Such as `patch`.
    pub verb: &'static str,
    /// The group of the resource; empty for the core.
    pub group: &'static str,
    /// Such as `applications`, with a subresource behind a slash.
    pub resource: &'static str,
    /// Where.
    pub namespace: String,
}

/// Whether it is allowed, by a review that changes nothing.
///
/// # Errors
/// The cluster does not answer.
pub async fn is_allowed(cluster: &Cluster, permission: &Permission) -> Result<bool, ConnectError> {
    let (resource, subresource) = permission
        .resource
        .split_once('/')
        .unwrap_or((permission.resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": permission.verb,
            "group": permission.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": permission.namespace,
        }},
    });
    let said = cluster
        .post(
            "a review of permissions",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &review,
        )
        .await?;
    Ok(said["status"]["allowed"] == true)
}

/// Whether the rules of Argo CD allow something, such as `applications`, `sync`, `default/payments`.
///
/// # Errors
/// It does not answer, or is not reached by its API server.
pub async fn is_allowed_by_argocd(
    cluster: &Cluster,
    resource: &str,
    action: &str,
    object: &str,
) -> Result<bool, ConnectError> {
    match cluster.server() {
        Some(server) => server.may(resource, action, object).await,
        None => Err(ConnectError::Refused {
            what: "a review of permissions".to_owned(),
            why: "Argo CD is not reached by its API server".to_owned(),
        }),
    }
}
