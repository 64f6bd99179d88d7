use proptest::prelude::*;
use serde_json::json;

use super::compare::{changes as compared, is_same};
use super::*;

fn deployment() -> ObjectKey {
    ObjectKey {
        group: "apps".into(),
        kind: "Deployment".into(),
        ..ObjectKey::default()
    }
}

fn applied(spec: &Value) -> String {
    json!({"kind": "Deployment", "spec": spec}).to_string()
}

fn spec(image: &str, replicas: i64) -> Value {
    json!({"replicas": replicas, "template": {"spec": {"containers": [
        {"name": "proxy", "image": "envoy:1"},
        {"name": "main", "image": image, "resources": {"limits": {"cpu": "1"}}},
    ]}}})
}

fn by_hand(fields: &Value) -> Value {
    json!([
        {"manager": "argocd-controller", "operation": "Update", "time": "2026-11-27T17:00:00Z",
         "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "kubectl-set", "operation": "Update", "time": "2026-11-27T17:20:00Z",
         "fieldsV1": fields},
    ])
}

fn image_is_theirs() -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
        "k:{\"name\":\"main\"}": {"f:image": {}},
    }}}}})
}

#[test]
fn an_image_that_somebody_set_is_named_with_who_and_when() {
    let mut live = spec("acme/pay:v14", 4);
    live["template"]["spec"]["containers"][1]["resources"]["limits"]["cpu"] = json!("1000m");
    live["strategy"] = json!({"type": "RollingUpdate"});
    let object = json!({
        "metadata": {
            "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))},
            "managedFields": by_hand(&image_is_theirs()),
        },
        "spec": live,
    });
    let found = of_object(&deployment(), &object).differences;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].field, "spec.template.spec.containers[main].image");
    assert_eq!(found[0].applied.as_deref(), Some("acme/pay:v15"));
    assert_eq!(found[0].now.as_deref(), Some("acme/pay:v14"));
    assert_eq!(found[0].by.as_deref(), Some("kubectl-set"));
    assert_eq!(found[0].at.unwrap().to_string(), "2026-11-27T17:20:00Z");
}

#[test]
fn what_was_taken_away_is_a_difference_and_what_was_added_beside_is_not() {
    let mut live = spec("acme/pay:v15", 4);
    live["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .remove(0);
    live["template"]["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "injected", "image": "x"}));
    let object = json!({
        "metadata": {"annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))}},
        "spec": live,
    });
    let found = of_object(&deployment(), &object).differences;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].field, "spec.template.spec.containers[proxy]");
    assert_eq!(found[0].now, None);
}

#[test]
fn under_server_side_apply_the_fields_of_peoples_programs_count() {
    let object = json!({
        "metadata": {"managedFields": by_hand(&image_is_theirs())},
        "spec": spec("acme/pay:v14", 4),
    });
    let found = of_object(&deployment(), &object).differences;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].is_taken_over);
    assert_eq!(found[0].applied, None);
    assert_eq!(found[0].now.as_deref(), Some("acme/pay:v14"));
}

#[test]
fn quantities_are_compared_as_numbers() {
    assert!(is_same(&json!("0.5"), &json!("500m")));
    assert!(is_same(&json!("1Gi"), &json!("1024Mi")));
    assert!(is_same(&json!(1), &json!("1")));
    assert!(!is_same(&json!("1Gi"), &json!("1G")));
}

/// An object as it is when this was applied and that is there now.
fn differing(applied: &Value, now: &Value) -> Vec<(String, Option<String>)> {
    let mut object = now.clone();
    object["metadata"]["annotations"][LAST_APPLIED] = applied.to_string().into();
    let found = of_object(&deployment(), &object).differences;
    found.into_iter().map(|one| (one.field, one.now)).collect()
}

fn fields(applied: &Value, now: &Value) -> Vec<String> {
    let found = differing(applied, now).into_iter();
    found.map(|(field, _)| field).collect()
}

#[test]
fn labels_rules_and_bytes_that_were_changed_are_not_missed() {
    let applied = json!({
        "apiVersion": "v1", "kind": "X",
        "metadata": {"name": "x", "labels": {"team": "pay"}, "annotations": {"a": "1"}},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        "binaryData": {"key": "AAEC", "wrapped": "AA\nEC"},
        "immutable": true,
        "status": {"phase": "Pending"},
    });
    let now = json!({
        "apiVersion": "v1", "kind": "X",
        "metadata": {"name": "x", "uid": "1", "labels": {"team": "cart"}, "annotations": {"a": "2"}},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}],
        "binaryData": {"key": "AAED", "wrapped": "AAEC"},
        "immutable": false,
        "status": {"phase": "Active"},
    });
    assert_eq!(
        fields(&applied, &now),
        [
            "metadata.labels.team",
            "metadata.annotations.a",
            "rules[0].verbs",
            "binaryData.key",
            "immutable",
        ]
    );
}

#[test]
fn what_the_api_server_drops_because_it_is_zero_is_not_gone() {
    let applied = json!({"spec": {
        "delay": 0, "ratio": 0.0, "paused": false, "text": "", "list": [], "map": {},
        "probe": {"initialDelaySeconds": 0, "exec": {}}, "kept": 1, "held": {"at": 1},
    }});
    assert_eq!(
        fields(&applied, &json!({"spec": {"kept": 1, "held": {"at": 1}}})),
        [""; 0]
    );
    let now = json!({"spec": {"delay": 5, "paused": true, "held": null}});
    assert_eq!(
        differing(&applied, &now),
        [
            ("spec.delay".to_owned(), Some("5".to_owned())),
            ("spec.paused".to_owned(), Some("true".to_owned())),
            ("spec.kept".to_owned(), None),
            ("spec.held".to_owned(), None),
        ]
    );
}

#[test]
fn two_mounts_of_one_volume_are_not_taken_for_each_other() {
    let mount = |path: &str, sub: &str| json!({"name": "data", "mountPath": path, "subPath": sub});
    let applied = json!({"spec": {"mounts": [mount("/a", "x"), mount("/b", "y")]}});
    let turned = json!({"spec": {"mounts": [mount("/b", "y"), mount("/a", "x")]}});
    assert_eq!(fields(&applied, &turned), [""; 0]);
    let changed = json!({"spec": {"mounts": [mount("/b", "z"), mount("/a", "x")]}});
    assert_eq!(
        differing(&applied, &changed),
        [("spec.mounts[1].subPath".to_owned(), Some("z".to_owned()))]
    );
}

#[test]
fn ports_of_one_number_are_told_apart_by_their_protocol() {
    let applied = json!({"spec": {"ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}]}});
    let now = json!({"spec": {"ports": [
        {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"},
    ]}});
    assert_eq!(fields(&applied, &now), [""; 0]);
    let changed = json!({"spec": {"ports": [{"port": 8080}]}});
    assert_eq!(
        differing(&json!({"spec": {"ports": [{"port": 80}]}}), &changed),
        [("spec.ports[0].port".to_owned(), Some("8080".to_owned()))]
    );
}

#[test]
fn parents_of_one_name_pair_by_what_else_they_say() {
    let parent = |section: &str| json!({"name": "gateway", "sectionName": section});
    let applied = json!({"spec": {"parentRefs": [parent("http"), parent("https")]}});
    let now = json!({"spec": {"parentRefs": [parent("https")]}});
    assert_eq!(
        differing(&applied, &now),
        [("spec.parentRefs[0]".to_owned(), None)]
    );
}

#[test]
fn an_argument_that_was_added_is_a_difference_of_the_whole_list() {
    let applied = json!({"spec": {"args": ["--a"]}, "metadata": {"finalizers": ["ours"]}});
    let now = json!({"spec": {"args": ["--a", "--b"]}, "metadata": {"finalizers": ["x", "ours"]}});
    assert_eq!(
        differing(&applied, &now),
        [("spec.args".to_owned(), Some(r#"["--a","--b"]"#.to_owned()))]
    );
}

#[test]
fn versions_that_are_equal_as_numbers_are_not_the_same() {
    assert!(!is_same(&json!("1.10"), &json!("1.1")));
    assert!(!is_same(
        &json!("12345678901234567890"),
        &json!("12345678901234567891")
    ));
    assert!(!is_same(&json!("nan"), &json!("NaN")));
    assert!(is_same(&json!("1.5"), &json!("1500m")));
}

#[test]
fn fields_of_another_version_of_the_kind_are_not_gone() {
    let applied = json!({"apiVersion": "autoscaling/v2beta2", "spec": {"old": 1}});
    let now = json!({"apiVersion": "autoscaling/v2", "spec": {"new": 1}});
    assert_eq!(fields(&applied, &now), [""; 0]);
}

/// Who wrote what, and when.
fn owner(manager: &str, operation: &str, time: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": operation, "time": time, "fieldsV1": fields})
}

fn annotation_is_theirs(more: &Value) -> Value {
    let mut fields = more.clone();
    fields["f:metadata"]["f:annotations"][format!("f:{LAST_APPLIED}")] = json!({});
    fields
}

#[test]
fn what_kubectl_apply_wrote_over_is_not_taken_for_what_git_says() {
    let kubectl = annotation_is_theirs(&image_is_theirs());
    let object = json!({
        "metadata": {
            "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v14", 4))},
            "managedFields": [
                owner("argocd-controller", "Update", "2026-11-27T17:00:00Z", &json!({"f:spec": {"f:replicas": {}}})),
                owner("kubectl-client-side-apply", "Update", "2026-11-27T17:20:00Z", &kubectl),
            ],
        },
        "spec": spec("acme/pay:v14", 3),
    });
    let found = of_object(&deployment(), &object);
    assert_eq!(found.differences, []);
    let applier = found.applied_by.unwrap();
    assert_eq!(applier.by, "kubectl-client-side-apply");
    assert_eq!(applier.at.unwrap().to_string(), "2026-11-27T17:20:00Z");
    assert_eq!(applier.owns, ["spec.template.spec.containers[main].image"]);
}

#[test]
fn an_annotation_of_before_server_side_apply_says_nothing_of_now() {
    let argo_cd = json!({"f:spec": {"f:replicas": {}}});
    let object = json!({
        "metadata": {
            "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v1", 1))},
            "managedFields": [
                owner("argocd-controller", "Update", "2026-11-20T17:00:00Z", &annotation_is_theirs(&json!({}))),
                owner("argocd-controller", "Apply", "2026-11-27T17:00:00Z", &argo_cd),
            ],
        },
        "spec": spec("acme/pay:v15", 4),
    });
    let found = of_object(&deployment(), &object);
    assert_eq!(found, Finding::default());
}

#[test]
fn under_server_side_apply_any_program_counts_but_the_clusters_own() {
    let of_argo_cd = json!({"f:spec": {"f:paused": {}, "f:replicas": {}}});
    let of = |field: &str| json!({"f:spec": {field: {}}});
    let object = json!({
        "metadata": {"labels": {"team": "x"}, "managedFields": [
            owner("argocd-controller", "Apply", "2026-11-27T17:00:00Z", &of_argo_cd),
            owner("my-operator", "Update", "2026-11-27T17:20:00Z", &of("f:minReadySeconds")),
            owner("argocd-server", "Update", "2026-11-27T17:20:00Z", &json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}}}})),
            owner("kubectl", "Apply", "2026-11-27T17:20:00Z", &of("f:paused")),
            owner("rollouts-controller", "Update", "2026-11-27T17:20:00Z", &of("f:workloadRef")),
            owner("kube-controller-manager", "Update", "2026-11-27T17:20:00Z", &json!({
                "f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}},
            })),
        ]},
        "spec": {"minReadySeconds": 5, "paused": true, "replicas": 4, "workloadRef": {}},
    });
    let found = of_object(&deployment(), &object).differences;
    let told: Vec<(&str, Option<&str>)> = found
        .iter()
        .map(|one| (one.field.as_str(), one.by.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("spec.minReadySeconds", Some("my-operator")),
            ("metadata.labels.team", Some("argocd-server")),
        ],
        "what both own is as it was applied"
    );
}

#[test]
fn a_scale_by_hand_is_told_with_who_did_it() {
    let mut entry = owner(
        "kubectl",
        "Update",
        "2026-11-27T17:20:00Z",
        &json!({"f:spec": {"f:replicas": {}}}),
    );
    entry["subresource"] = "scale".into();
    let object = json!({
        "metadata": {
            "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))},
            "managedFields": [entry],
        },
        "spec": spec("acme/pay:v15", 9),
    });
    let found = of_object(&deployment(), &object).differences;
    assert_eq!(found[0].field, "spec.replicas");
    assert_eq!(found[0].by.as_deref(), Some("kubectl"));
}

#[test]
fn who_took_a_field_away_is_not_claimed() {
    let mut live = spec("acme/pay:v15", 4);
    live["template"]["spec"]["containers"][1]["resources"] = json!({});
    let object = json!({
        "metadata": {
            "annotations": {LAST_APPLIED: applied(&spec("acme/pay:v15", 4))},
            "managedFields": by_hand(&image_is_theirs()),
        },
        "spec": live,
    });
    let found = of_object(&deployment(), &object).differences;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].by, None);
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ]
}

fn fields_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("name"), Just("port"), Just("path"), Just("x")];
    proptest::collection::vec((name, inner), 0..4).prop_map(|fields| {
        let fields = fields.into_iter();
        Value::Object(
            fields
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    })
}

/// Anything that a manifest may say. Its lists are of plain values or of objects.
fn anything() -> impl Strategy<Value = Value> {
    plain().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(plain(), 0..4).prop_map(Value::Array),
            proptest::collection::vec(fields_of(inner.clone()), 0..4).prop_map(Value::Array),
            fields_of(inner),
        ]
    })
}

/// The same as the API server and others leave it: zeros dropped, fields added, lists of objects turned.
fn as_it_lives(value: &Value, dice: &mut impl FnMut() -> bool) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = serde_json::Map::new();
            for (name, value) in fields {
                let lives = as_it_lives(value, dice);
                let is_dropped = super::compare::is_zero(&lives) && dice();
                if !is_dropped {
                    kept.insert(name.clone(), lives);
                }
            }
            if dice() {
                kept.insert("added".into(), json!({"by": "others"}));
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            let mut lives: Vec<Value> = items.iter().map(|item| as_it_lives(item, dice)).collect();
            if lives.iter().all(Value::is_object) && dice() {
                lives.reverse();
            }
            Value::Array(lives)
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn what_is_as_it_was_applied_never_differs(applied in anything(), dice in any::<u64>()) {
        let mut dice = dice;
        let mut next = || {
            dice = dice.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
            dice >> 63 == 1
        };
        let now = as_it_lives(&applied, &mut next);
        let found = compared(&json!({"spec": applied}), &json!({"spec": now}));
        prop_assert!(found.is_empty(), "{:?} {now}", found.first().map(|one| spelled(&one.path)));
    }

    #[test]
    fn one_field_that_was_changed_is_found_and_no_other(
        mut items in proptest::collection::vec((0..3u8, 0..3u8), 1..5), which in any::<prop::sample::Index>(),
    ) {
        // Two mounts at one path there cannot be.
        items.sort_unstable();
        items.dedup_by_key(|(path, _)| *path);
        let list = |items: &[(u8, u8)]| json!({"spec": {"mounts": items.iter().map(|(path, sub)| {
            json!({"name": "data", "mountPath": format!("/{path}"), "subPath": format!("{sub}")})
        }).collect::<Vec<_>>()}});
        let applied = list(&items);
        let at = which.index(items.len());
        items[at].1 += 10;
        items.reverse();
        let found = compared(&applied, &list(&items));
        prop_assert_eq!(found.len(), 1);
        let name = if items.len() == 1 { "data".to_owned() } else { at.to_string() };
        prop_assert_eq!(spelled(&found[0].path), format!("spec.mounts[{name}].subPath"));
    }
}
