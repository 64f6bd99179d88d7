//! An Application and its workloads at one moment, as everything that waits or watches looks at them.

use futures_util::future::join_all;
use ripcord_connect::workloads::{self, Seen};
use ripcord_connect::{ConnectError, argocd};
use ripcord_domain::live::application::{AppName, Application, ObjectKey};

use crate::observe::{Clusters, workload_keys};

/// Everything about one Application at one moment.
pub(crate) struct Picture {
    pub(crate) app: Application,
    pub(crate) workloads: Vec<Seen>,
    /// Workloads that Argo CD counts among its resources and that are not there.
    pub(crate) gone: Vec<ObjectKey>,
}

/// Looks at an Application and all its workloads.
pub(crate) async fn look(clusters: &Clusters, name: &AppName) -> Result<Picture, ConnectError> {
    let app = argocd::application(&clusters.argo, name).await?;
    let keys = workload_keys(&app);
    let seen = join_all(
        keys.iter()
            .map(|key| workloads::seen(&clusters.target, key)),
    )
    .await;
    let (mut workloads, mut gone) = (Vec::new(), Vec::new());
    for (key, one) in keys.into_iter().zip(seen) {
        match one {
            Ok(Some(seen)) => workloads.push(seen),
            Ok(None) => {}
            // It is made again, or was pruned and is not listed any more in a moment.
            Err(ConnectError::Missing { .. }) => gone.push(key),
            Err(error) => return Err(error),
        }
    }
    Ok(Picture {
        app,
        workloads,
        gone,
    })
}
