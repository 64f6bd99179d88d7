//! Whether the image that a recovery goes back to is still in its registry.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ripcord_domain::live::image::{Aim, Verdict};
use ripcord_registry::{Presence, Registries};

use super::Finding;
use crate::observe::Observed;

/// Asks the registry of every good image among the earlier templates.
pub(super) async fn images(
    registries: &Registries,
    aim: &Aim,
    observed: &Observed,
) -> Vec<Finding> {
    let good: BTreeSet<&str> = observed
        .workloads
        .iter()
        .flat_map(|watched| &watched.revisions)
        .flat_map(|revision| &revision.images)
        .map(String::as_str)
        .filter(|image| aim.of([*image]) == Verdict::Good)
        .collect();
    let each = good.into_iter().map(|image| async move {
        judged(image, registries.look(image).await).of(&observed.app.name)
    });
    join_all(each).await
}

fn judged(image: &str, presence: Presence) -> Finding {
    const CODE: &str = "image";
    match presence {
        Presence::There { digest } => {
            Finding::green(CODE, format!("{image} is in its registry ({digest})"))
        }
        Presence::Gone => Finding::red(
            CODE,
            format!(
                "{image} is not in its registry any more: a node that has not got it cannot run it"
            ),
            "push it again, and keep the images of the last versions when registries are cleaned up",
        ),
        Presence::Hidden => Finding::green(
            CODE,
            format!("{image}: its registry does not show it without a login (`docker login`)"),
        ),
        Presence::Unknown { why } => {
            Finding::green(CODE, format!("{image} was not looked for: {why}"))
        }
    }
}
