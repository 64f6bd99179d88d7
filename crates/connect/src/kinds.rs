//! Objects of any kind, also of those that are only known to the cluster that has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_domain::live::application::ObjectKey;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use crate::cluster::{Cluster, folder_named, plural, version_of};
use crate::error::ConnectError;
use crate::read::{items, text};

/// The kinds of a version of a group, with the names of their resources.
type Names = BTreeMap<String, String>;

/// What kinds a cluster has. It is asked only where a guess was wrong, and once for each version of a group.
pub struct Kinds<'a> {
    cluster: &'a Cluster,
    known: Mutex<BTreeMap<String, Arc<OnceCell<Names>>>>,
}

impl<'a> Kinds<'a> {
    /// Nothing is asked yet.
    pub fn of(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            known: Mutex::default(),
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// There is none, which is not the same as [that there is no such kind](ConnectError::UnknownKind); the
    /// cluster does not answer or allow it.
    pub async fn object(&self, key: &ObjectKey) -> Result<Value, ConnectError> {
        // Argo CD's API knows kinds by their names.
        if self.cluster.is_by_server() {
            return self.cluster.object(key).await;
        }
        let guess = plural(&key.kind);
        // A resource that does not exist is missing to whoever may read all, and forbidden to others.
        let error = match self.get(key, &guess).await {
            Err(error @ (ConnectError::Missing { .. } | ConnectError::Forbidden { .. })) => error,
            done => return done,
        };
        match self.name_of(key).await? {
            Some(name) if name == guess => Err(error),
            Some(name) => self.get(key, &name).await,
            None => Err(ConnectError::UnknownKind {
                what: key.to_string(),
            }),
        }
    }

    async fn get(&self, key: &ObjectKey, plural: &str) -> Result<Value, ConnectError> {
        let path = format!("{}/{}", folder_named(key, plural), key.name);
        self.cluster.get(&key.to_string(), &path).await
    }

    /// The resource of a kind, as the cluster calls it.
    async fn name_of(&self, key: &ObjectKey) -> Result<Option<String>, ConnectError> {
        let path = version_of(key);
        let cell = Arc::clone(self.known.lock().await.entry(path.clone()).or_default());
        let names = cell
            .get_or_try_init(|| async {
                let what = format!("the kinds of {path}");
                match self.cluster.get(&what, &path).await {
                    Ok(listed) => Ok(names(&listed)),
                    // It has no such version, or no such group.
                    Err(ConnectError::Missing { .. }) => Ok(Names::new()),
                    Err(error) => Err(error),
                }
            })
            .await?;
        Ok(names.get(&key.kind).cloned())
    }
}

/// The kinds in an answer. Parts of resources, such as `deployments/scale`, have kinds of their own.
fn names(listed: &Value) -> Names {
    items(&listed["resources"])
        .map(|resource| (text(&resource["kind"]), text(&resource["name"])))
        .filter(|(_, name)| !name.contains('/'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_kind_whose_plural_no_rule_tells_is_known_by_what_the_cluster_says() {
        let listed = json!({"kind": "APIResourceList", "resources": [
            {"name": "redis", "kind": "Redis"},
            {"name": "redis/scale", "kind": "Scale"},
            {"name": "redis/status", "kind": "Redis"},
        ]});
        let names = names(&listed);
        assert_eq!(names.get("Redis").map(String::as_str), Some("redis"));
        assert_eq!(names.get("Scale"), None);
        assert_ne!(plural("Redis"), "redis", "so it has to be asked");
    }
}
