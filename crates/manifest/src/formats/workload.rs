//! Containers of Kubernetes workloads.

use crate::collect::{Collector, Scope, entry_steps, field_at};
use crate::facts::{DeclarationKind, Role};
use crate::field_path::FieldPath;
use crate::image::ImageReference;
use crate::yaml::Node;

/// Where the pod specification stands: in a Pod, in everything with a pod template (Deployment,
/// StatefulSet, DaemonSet, ReplicaSet, Job, Argo Rollout, Knative Service, …), in a CronJob.
const POD_SPECS: [&[&str]; 3] = [
    &["spec"],
    &["spec", "template", "spec"],
    &["spec", "jobTemplate", "spec", "template", "spec"],
];

/// Reads the images of an object, whatever its kind: kinds of operators embed pod templates too.
pub(crate) fn read(collector: &mut Collector, scope: Scope<'_>, root: &Node<'_>) {
    let scope = scope.of_kind(DeclarationKind::Container);
    for keys in POD_SPECS {
        let Some(pod) = root.at(keys) else {
            continue;
        };
        let path = scope.top.keys(keys);
        for list in ["initContainers", "containers"] {
            let items = pod.get(list).map_or(&[][..], Node::items);
            for (container, step) in items.iter().zip(entry_steps(items, &["name"])) {
                let owner = path.key(list).then(step);
                read_image(collector, scope, owner, container);
            }
        }
    }
    // Operators that run one image say it next to their other settings: `spec.image`.
    if let Some(spec) = root
        .get("spec")
        .filter(|spec| spec.get("containers").is_none())
    {
        read_image(collector, scope, scope.top.key("spec"), spec);
    }
}

fn read_image(collector: &mut Collector, scope: Scope<'_>, owner: FieldPath, node: &Node<'_>) {
    let Some(field) = field_at(Role::Image, &owner, node, "image") else {
        return;
    };
    if let Some(image) = ImageReference::parse(&field.value).filter(ImageReference::is_pinned) {
        let subject = image.name.to_owned();
        collector.declare(scope, owner, &subject, vec![field]);
    }
}
