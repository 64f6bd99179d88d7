//! Whether the image that a recovery goes back to is still in its registry, and still the one that ran.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use ripcord_domain::live::image::{Aim, Verdict, without_version};
use ripcord_registry::{Presence, Registries};

use super::Finding;
use crate::observe::{Observed, good_revision};

const CODE: &str = "image";

/// Images with the digests that nodes pulled for pods of them, as far as any is left.
type Wanted = BTreeMap<String, BTreeSet<String>>;

/// Asks the registry of every image that the plan goes back to; says so where there is none to ask for.
pub(super) async fn images(
    registries: &Registries,
    aim: &Aim,
    observed: &Observed,
) -> Vec<Finding> {
    let (wanted, mut findings) = wanted(aim, observed);
    let bad = &observed.aim.ran;
    let each = wanted.iter().map(|(image, ran)| async move {
        let presence = registries.look(image).await;
        judged(image, ran, bad, presence)
    });
    findings.extend(join_all(each).await);
    let name = &observed.app.name;
    findings.into_iter().map(|one| one.of(name)).collect()
}

/// The images of the good version: those of the template that an undo would take, and in the place of others
/// that run what the plan goes back to. What cannot be told is a finding.
fn wanted(aim: &Aim, observed: &Observed) -> (Wanted, Vec<Finding>) {
    let nothing = |why: &str| {
        let said = format!("{why}: no registry is asked");
        (Wanted::new(), vec![Finding::green(CODE, said)])
    };
    if !aim.tells() {
        return nothing("no image tells the good version from the bad one");
    }
    let aim = &observed.aim;
    if !aim.tells() {
        return nothing("none of its images is of the version that goes back");
    }
    let (mut wanted, mut untold) = (BTreeSet::new(), BTreeSet::new());
    for watched in &observed.workloads {
        let revision = good_revision(aim, &watched.revisions);
        let kept = revision
            .map(|one| one.images.as_slice())
            .unwrap_or_default();
        let kept: Vec<&String> = kept
            .iter()
            .filter(|image| aim.of([image.as_str()]) == Verdict::Good)
            .collect();
        let pods = watched.seen.pods.iter().flat_map(|pod| &pod.images);
        for image in watched.seen.workload.images.iter().chain(pods) {
            let is_same = |one: &&String| without_version(one) == without_version(image);
            if kept.iter().any(is_same) {
                continue;
            }
            if let Some(good) = aim.good_for(image) {
                wanted.insert(good);
            } else if aim.of([image.as_str()]) == Verdict::Bad {
                untold.insert(image);
            }
        }
        wanted.extend(kept.into_iter().cloned());
    }
    let mut findings: Vec<Finding> = untold
        .into_iter()
        .map(|image| {
            unknown(&format!(
                "which image {image} goes back to is not told: several versions are named without one"
            ))
        })
        .collect();
    if wanted.is_empty() && findings.is_empty() {
        findings.push(unknown(
            "no workload here tells the image of the good version",
        ));
    }
    let pulled = || {
        let pods = observed.workloads.iter().flat_map(|one| &one.seen.pods);
        pods.flat_map(|pod| &pod.pulled)
    };
    let wanted = wanted.into_iter().map(|image| {
        let own = pulled().filter(|(of, _)| *of == image);
        let ran = own.map(|(_, digest)| digest.clone()).collect();
        (image, ran)
    });
    (wanted.collect(), findings)
}

fn unknown(why: &str) -> Finding {
    Finding::amber(
        CODE,
        format!("{why}: no registry is asked"),
        "`ripcord plan` names the version; see that the registry has it",
    )
}

/// What a registry says of an image means, beside what pods of it ran, and what pods of the bad version ran.
fn judged(image: &str, ran: &BTreeSet<String>, bad: &[String], presence: Presence) -> Finding {
    const BY_DIGEST: &str = "push the good image under its tag again, or go to another with `--to VERSION`; what is deployed by digest cannot be moved";
    match presence {
        // It was asked for by its digest.
        Presence::There { digest } if image.contains('@') => {
            Finding::green(CODE, format!("{image} is in its registry ({digest})"))
        }
        Presence::There { digest } if bad.contains(&digest) => Finding::red(
            CODE,
            format!(
                "{image} is {digest} in its registry, which is what pods of the version that runs now are: its tag was moved, or both name one image"
            ),
            BY_DIGEST,
        ),
        Presence::There { digest } if ran.contains(&digest) => Finding::green(
            CODE,
            format!("{image} is in its registry ({digest}), as pods of it ran it"),
        ),
        Presence::There { digest } if ran.is_empty() => Finding::green(
            CODE,
            format!(
                "{image} is in its registry ({digest}); no pod of it is left to tell whether that is what ran"
            ),
        ),
        Presence::There { digest } => {
            let ran: Vec<&str> = ran.iter().map(String::as_str).collect();
            Finding::amber(
                CODE,
                format!(
                    "{image} is {digest} in its registry, and pods of it ran {}: its tag was moved, or nodes name the image of their platform",
                    ran.join(", ")
                ),
                BY_DIGEST,
            )
        }
        Presence::Gone => Finding::red(
            CODE,
            format!(
                "{image} is not in its registry any more: a node that has not got it cannot run it"
            ),
            "push it again, and keep the images of the last versions when registries are cleaned up",
        ),
        Presence::Hidden => Finding::amber(
            CODE,
            format!("{image}: its registry does not show whether it is there"),
            "`docker login` to its registry, as somebody who may pull it",
        ),
        Presence::Unknown { why } => Finding::amber(
            CODE,
            format!("{image} was not looked for: {why}"),
            "look again; `mirrors:` in ripcord.yaml says what its registry is called from here",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Light;
    use super::super::scene::{observed, pod, revision};
    use super::*;
    use ripcord_domain::live::image::Mark;

    const ONE: &str = "sha256:11";
    const OTHER: &str = "sha256:22";

    fn there(digest: &str) -> Presence {
        Presence::There {
            digest: digest.to_owned(),
        }
    }

    fn of(ran: &[&str], bad: &[&str], presence: Presence) -> Finding {
        let ran = ran.iter().map(|one| (*one).to_owned()).collect();
        let bad: Vec<String> = bad.iter().map(|one| (*one).to_owned()).collect();
        judged("acme/pay:v1", &ran, &bad, presence)
    }

    #[test]
    fn a_registry_that_is_hidden_or_silent_is_not_green() {
        let silent = Presence::Unknown {
            why: "no answer".into(),
        };
        for presence in [Presence::Hidden, silent] {
            let finding = of(&[], &[], presence);
            assert_eq!(finding.light, Light::Amber, "{finding:?}");
            assert!(finding.mend.is_some());
        }
        assert_eq!(of(&[], &[], Presence::Gone).light, Light::Red);
    }

    #[test]
    fn a_tag_that_was_moved_is_not_green() {
        assert_eq!(of(&[ONE], &[], there(ONE)).light, Light::Green);
        assert_eq!(of(&[], &[], there(ONE)).light, Light::Green);
        assert_eq!(of(&[ONE], &[], there(OTHER)).light, Light::Amber);
        let moved = of(&[], &[OTHER], there(OTHER));
        assert_eq!(moved.light, Light::Red);
        assert!(moved.what.contains("its tag was moved"), "{moved:?}");
    }

    #[test]
    fn without_a_good_template_the_image_is_told_from_what_runs() {
        let mut seen = observed("acme/pay:v2");
        let aim = seen.aim.clone();
        let (wanted, findings) = wanted(&aim, &seen);
        assert_eq!(wanted.into_keys().collect::<Vec<_>>(), ["acme/pay:v1"]);
        assert!(findings.is_empty(), "{findings:?}");
        // A digest that is kept says more than the tag of the plan, and pods say what it was.
        let kept = "acme/pay:v1@sha256:11";
        seen.workloads[0].revisions = vec![revision(6, kept)];
        seen.workloads[0].seen.pods = vec![pod("acme/pay:v1", Some(ONE))];
        let (with_kept, _) = super::wanted(&aim, &seen);
        assert_eq!(with_kept.into_keys().collect::<Vec<_>>(), [kept]);
        seen.workloads[0].revisions.clear();
        let (with_pod, _) = super::wanted(&aim, &seen);
        assert!(with_pod["acme/pay:v1"].contains(ONE), "{with_pod:?}");
    }

    #[test]
    fn an_image_that_nobody_asks_for_is_said() {
        let silent = |aim: &Aim, seen: &Observed| {
            let (wanted, findings) = wanted(aim, seen);
            assert!(wanted.is_empty(), "{wanted:?}");
            findings.into_iter().next().unwrap()
        };
        let mut seen = observed("acme/pay:v2");
        let aim = seen.aim.clone();
        let none = silent(&Aim::default(), &seen);
        assert!(none.what.contains("no image tells"), "{none:?}");
        seen.workloads.clear();
        assert_eq!(silent(&aim, &seen).light, Light::Amber);
        seen.aim = Aim::default();
        assert_eq!(silent(&aim, &seen).light, Light::Green);
        let mut several = observed("acme/pay:v2");
        several.aim.good.push(Mark {
            name: None,
            tag: Some("v9".into()),
            digest: None,
        });
        let untold = silent(&several.aim.clone(), &several);
        assert!(
            untold.what.contains("which image acme/pay:v2"),
            "{untold:?}"
        );
    }
}
