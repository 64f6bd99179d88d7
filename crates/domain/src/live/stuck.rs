//! Pods that their controller waits for instead of replacing them: who is to be deleted.

use crate::live::image::{Aim, Verdict};
use crate::live::workload::{Pod, Workload};

/// The pods of a workload that are to be deleted now, because its controller does not.
///
/// Where images do not tell, a pod of an earlier template is one of the bad version only after Argo CD has
/// synced the good one: until then those are the good pods. What serves is replaced one by one, where
/// nobody but a person would do it.
pub fn stuck<'p>(aim: &Aim, workload: &Workload, pods: &'p [Pod], is_synced: bool) -> Vec<&'p Pod> {
    let is_bad = |pod: &Pod| {
        let is_old = matches!(
            (&workload.template, &pod.template),
            (Some(new), Some(own)) if new != own
        );
        aim.of(pod.images.iter().map(String::as_str)) == Verdict::Bad
            || (!aim.tells() && is_synced && is_old)
    };
    let standing = || pods.iter().filter(|pod| !pod.is_over);
    let bad = standing().filter(|pod| is_bad(pod) && !pod.is_going);
    let (serving, broken): (Vec<&Pod>, Vec<&Pod>) = bad.partition(|pod| pod.is_ready);
    let waits = standing().any(|pod| pod.is_going || !pod.is_ready);
    let next = serving
        .into_iter()
        .filter(|_| workload.replacement.is_by_hand && !waits)
        .take(1);
    broken.into_iter().chain(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::image::Mark;
    use crate::live::workload::Replacement;

    fn pod(name: &str, template: &str, is_ready: bool) -> Pod {
        Pod {
            name: name.into(),
            template: Some(template.into()),
            images: vec!["acme/agent:v14".into()],
            is_ready,
            ..Pod::default()
        }
    }

    fn by_hand() -> Workload {
        Workload {
            template: Some("new".into()),
            replacement: Replacement {
                is_by_hand: true,
                ..Replacement::default()
            },
            ..Workload::default()
        }
    }

    fn names(aim: &Aim, pods: &[Pod], is_synced: bool) -> Vec<String> {
        let stuck = stuck(aim, &by_hand(), pods, is_synced);
        stuck.iter().map(|pod| pod.name.clone()).collect()
    }

    #[test]
    fn good_pods_were_deleted_where_only_settings_had_changed() {
        // The template is still the bad one: the pods of the one before are the good ones.
        let pods = [pod("a", "old", true), pod("b", "old", false)];
        assert!(names(&Aim::default(), &pods, false).is_empty());
    }

    #[test]
    fn what_serves_is_replaced_one_by_one() {
        let mut pods = [pod("a", "old", true), pod("b", "old", true)];
        assert_eq!(names(&Aim::default(), &pods, true), ["a"]);
        pods[0] = pod("a", "new", false);
        assert!(names(&Aim::default(), &pods, true).is_empty());
        pods[0] = pod("a", "new", true);
        assert_eq!(names(&Aim::default(), &pods, true), ["b"]);
    }

    #[test]
    fn broken_pods_of_the_bad_version_go_at_once() {
        let mark = |tag: &str| Mark {
            name: None,
            tag: Some(tag.into()),
            digest: None,
        };
        let aim = Aim {
            good: vec![mark("v13")],
            bad: vec![mark("v14")],
            ..Aim::default()
        };
        let pods = [pod("a", "old", false), pod("b", "old", false)];
        assert_eq!(names(&aim, &pods, false), ["a", "b"]);
    }
}
