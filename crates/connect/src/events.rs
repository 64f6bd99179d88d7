//! Kubernetes events: what was done to an Application stands where its people look.

use jiff::Timestamp;
use ripcord_domain::live::application::AppName;
use serde_json::json;

use crate::cluster::Cluster;
use crate::error::ConnectError;

/// Says at an Application what a recovery did.
///
/// # Errors
/// The cluster does not answer or allow it: nothing depends on it.
pub async fn say(
    cluster: &Cluster,
    app: &AppName,
    recovery: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> Result<(), ConnectError> {
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {
            "generateName": format!("{}.", app.name),
            "namespace": app.namespace,
            "labels": {"ripcord/recovery": recovery},
        },
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "namespace": app.namespace, "name": app.name,
        },
        "reason": reason,
        "message": format!("{recovery}: {message}"),
        "type": "Normal",
        "source": {"component": "ripcord"},
        "reportingComponent": "ripcord",
        "firstTimestamp": now.to_string(),
        "lastTimestamp": now.to_string(),
        "count": 1,
    });
    let path = format!("/api/v1/namespaces/{}/events", app.namespace);
    cluster.post("an event", &path, &event).await.map(drop)
}
