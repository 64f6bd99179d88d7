//! Programs that write new versions into Git or into Applications by themselves.

use ripcord_domain::live::application::Application;
use ripcord_domain::live::windows::fits;

use crate::cluster::Cluster;
use crate::read::{items, text};

/// The bots that would bump an Application's images, in words. Who may not list them finds none.
pub async fn of(cluster: &Cluster, app: &Application) -> Vec<String> {
    let mut found = Vec::new();
    if !app.image_updater.is_empty() {
        found.push(format!(
            "Argo CD Image Updater watches {} by annotation",
            app.image_updater.join(", ")
        ));
    }
    let what = "each ImageUpdater";
    let path = "/apis/argocd-image-updater.argoproj.io/v1alpha1/imageupdaters";
    if let Ok(listed) = cluster.get(what, path).await {
        for updater in items(&listed["items"]) {
            let names = items(&updater["spec"]["applicationRefs"])
                .map(|one| text(&one["namePattern"]))
                .any(|pattern| fits(&pattern, &app.name.name));
            if names {
                found.push(format!(
                    "ImageUpdater {} watches it",
                    text(&updater["metadata"]["name"])
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("*", "pay"));
        assert!(fits("pay-*", "pay-eu"));
        assert!(fits("*-eu", "pay-eu"));
        assert!(!fits("pay", "pay-eu"));
        assert!(!fits("cart-*", "pay-eu"));
    }
}
