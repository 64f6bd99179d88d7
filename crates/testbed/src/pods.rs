//! What a kubelet would say of pods and nodes, as KWOK stages.
//!
//! How a pod behaves is read from its annotation `testbed.ripcord/behaves`, or from the end of its
//! first container's image: `acme/payments:v2-crash` crashes. How long things take is read from
//! annotations too, such as `testbed.ripcord/ready-after: 500ms`; so both can be set in the
//! manifests of a service.

use std::time::Duration;

use serde_json::{Value, json};

/// How long pods take for what they do, when they do not say themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As in production: 2 s from creation to ready, 0.3 s to end.
    #[default]
    Production,
    /// A tenth of it, for tests that measure nothing.
    Quick,
}

impl Pace {
    fn of(self, usual: Duration) -> Duration {
        match self {
            Self::Production => usual,
            Self::Quick => usual / 10,
        }
    }
}

const CREATED: Duration = Duration::from_millis(300);
const STARTED: Duration = Duration::from_millis(1700);
const SLOWLY: Duration = Duration::from_secs(20);
const ENDED: Duration = Duration::from_secs(1);
const FAILED: Duration = Duration::from_secs(5);
const STOPPED: Duration = Duration::from_millis(300);

/// The behaviours that have a name, beside `ready`.
pub const BEHAVIOURS: &[&str] = &[
    "crash",
    "never-ready",
    "fails-later",
    "slow",
    "no-image",
    "oom",
    "fails",
    "hangs",
];

/// The configuration of KWOK.
pub(crate) fn stages(pace: Pace) -> String {
    let mut all = vec![node_ready(), created(pace)];
    all.extend(started(pace));
    all.extend(ended(pace));
    all.extend(stopped(pace));
    let texts: Vec<String> = all.iter().map(Value::to_string).collect();
    // JSON is YAML.
    texts.join("\n---\n")
}

/// A condition on an object: a jq expression, and whether its result is one of these.
enum When<'a> {
    Is(&'a str, &'a [&'a str]),
    IsNot(&'a str, &'a [&'a str]),
    Exists(&'a str),
    Absent(&'a str),
}

impl When<'_> {
    fn expression(&self) -> Value {
        match self {
            Self::Is(key, values) => json!({"key": key, "operator": "In", "values": values}),
            Self::IsNot(key, values) => json!({"key": key, "operator": "NotIn", "values": values}),
            Self::Exists(key) => json!({"key": key, "operator": "Exists"}),
            Self::Absent(key) => json!({"key": key, "operator": "DoesNotExist"}),
        }
    }
}

/// How long it takes: this, unless the annotation says another.
struct After<'a>(Duration, &'a str);

impl After<'_> {
    fn delay(&self) -> Value {
        let from = format!(".metadata.annotations[\"testbed.ripcord/{}\"]", self.1);
        json!({
            "durationMilliseconds": u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX),
            "durationFrom": {"expressionFrom": from},
        })
    }
}

fn stage(name: &str, kind: &str, when: &[When<'_>], delay: &Value, next: &Value) -> Value {
    let when: Vec<Value> = when.iter().map(When::expression).collect();
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": when},
            "delay": delay,
            "next": next,
        },
    })
}

fn node_ready() -> Value {
    let status = r#"{{ $now := Now }}
conditions:
- {type: Ready, status: "True", reason: KubeletReady, message: ok, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
addresses: [{type: InternalIP, address: 127.0.0.1}]
allocatable: {cpu: "1k", memory: 1Ti, pods: "10k"}
capacity: {cpu: "1k", memory: 1Ti, pods: "10k"}
nodeInfo: {architecture: amd64, bootID: "", containerRuntimeVersion: "", kernelVersion: "", kubeProxyVersion: none, kubeletVersion: none, machineID: "", operatingSystem: linux, osImage: "", systemUUID: ""}
phase: Running
"#;
    let ready = r#".status.conditions.[] | select( .type == "Ready" ) | .status"#;
    stage(
        "node-ready",
        "Node",
        &[When::IsNot(ready, &["True"])],
        &json!({}),
        &json!({"statusTemplate": status}),
    )
}

const DELETED: &str = ".metadata.deletionTimestamp";
const WAITING: &str = ".status.containerStatuses.[0].state.waiting.reason";
const PHASE: &str = ".status.phase";
const READY: &str = r#".status.conditions.[] | select( .type == "Ready" ) | .status"#;
const OWNER: &str = ".metadata.ownerReferences.[0].kind";

/// The jq expression for how a pod behaves.
fn behaviour() -> String {
    format!(
        "(.metadata.annotations[\"testbed.ripcord/behaves\"] // ([.spec.containers[0].image | capture(\"[-:](?<b>{})$\") | .b] | .[0]) // \"ready\")",
        BEHAVIOURS.join("|")
    )
}

/// What is said of a pod.
struct Said<'a> {
    phase: &'a str,
    ready: bool,
    /// The state of each container, as YAML in which `NOW` is the time.
    state: &'a str,
    last_state: &'a str,
    restarts: u32,
}

impl Said<'_> {
    /// The status; `first` also has what is said once only.
    fn status(&self, first: bool) -> Value {
        const NOW: &str = "{{ $now | Quote }}";
        let ready = if self.ready { "True" } else { "False" };
        let mut lines = vec![
            "{{ $now := Now }}".to_owned(),
            format!("phase: {}", self.phase),
        ];
        let mut conditions = vec![("Ready", ready), ("ContainersReady", ready)];
        if first {
            lines.push("hostIP: 127.0.0.1".into());
            lines.push(format!("podIP: {POD_IP}"));
            lines.push(format!("startTime: {NOW}"));
            conditions.extend([("Initialized", "True"), ("PodScheduled", "True")]);
        }
        lines.push("conditions:".into());
        lines.extend(conditions.into_iter().map(|(kind, value)| {
            format!("- {{type: {kind}, status: \"{value}\", lastTransitionTime: {NOW}}}")
        }));
        let (image, is_ready) = ("{{ .image | Quote }}", self.ready);
        lines.push("containerStatuses:".into());
        lines.push("{{ range .spec.containers }}".into());
        lines.push("- name: {{ .name | Quote }}".into());
        lines.push(format!("  image: {image}"));
        lines.push(format!("  imageID: {}", self.pulled()));
        lines.push(format!("  ready: {is_ready}"));
        lines.push(format!("  started: {is_ready}"));
        lines.push(format!("  restartCount: {}", self.restarts));
        lines.push(format!("  state: {}", self.state.replace("NOW", NOW)));
        lines.push(format!(
            "  lastState: {}",
            self.last_state.replace("NOW", NOW)
        ));
        lines.push("{{ end }}".into());
        json!({"statusTemplate": lines.join("\n")})
    }

    /// What the node pulled: for each image its own digest, unless the annotation names an image whose
    /// digest it is. Nothing before it has pulled.
    fn pulled(&self) -> &'static str {
        if self.phase == "Pending" {
            r#""""#
        } else {
            r#"{{ $other := get ($.metadata.annotations | default (dict)) "testbed.ripcord/pulled" }}registry.example/pulled@sha256:{{ sha256sum ($other | default .image) }}"#
        }
    }
}

/// KWOK's own addresses for pods.
const POD_IP: &str = "{{ PodIPWith ( or .spec.nodeName \"\" ) ( or .spec.hostNetwork false ) .metadata.uid .metadata.name .metadata.namespace }}";

const RUNNING: &str = "{running: {startedAt: NOW}}";
const BACK_OFF: &str =
    "{waiting: {reason: CrashLoopBackOff, message: \"back-off 40s restarting failed container\"}}";

fn created(pace: Pace) -> Value {
    let said = Said {
        phase: "Pending",
        ready: false,
        state: "{waiting: {reason: ContainerCreating}}",
        last_state: "{}",
        restarts: 0,
    };
    stage(
        "pod-created",
        "Pod",
        &[
            When::Absent(DELETED),
            When::Absent(".status.podIP"),
            When::Exists(".spec.nodeName"),
        ],
        &After(pace.of(CREATED), "created-after").delay(),
        &said.status(true),
    )
}

/// What comes of a pod whose containers are being made.
fn started(pace: Pace) -> Vec<Value> {
    let usual = After(pace.of(STARTED), "ready-after");
    let slowly = After(pace.of(SLOWLY), "ready-after");
    let well = Said {
        phase: "Running",
        ready: true,
        state: RUNNING,
        last_state: "{}",
        restarts: 0,
    };
    let unready = Said {
        ready: false,
        ..well
    };
    let crash = Said {
        phase: "Running",
        ready: false,
        state: BACK_OFF,
        last_state: "{terminated: {exitCode: 1, reason: Error, startedAt: NOW, finishedAt: NOW}}",
        restarts: 3,
    };
    let out_of_memory = Said {
        last_state: "{terminated: {exitCode: 137, reason: OOMKilled, startedAt: NOW, finishedAt: NOW}}",
        ..crash
    };
    let no_image = Said {
        phase: "Pending",
        ready: false,
        state: "{waiting: {reason: ImagePullBackOff, message: \"Back-off pulling image\"}}",
        last_state: "{}",
        restarts: 0,
    };
    let behaviour = behaviour();
    let one = |name: &str, behaves: &[&str], after: &After<'_>, said: &Said<'_>| {
        stage(
            name,
            "Pod",
            &[
                When::Absent(DELETED),
                When::Is(WAITING, &["ContainerCreating"]),
                When::Is(&behaviour, behaves),
            ],
            &after.delay(),
            &said.status(false),
        )
    };
    vec![
        one(
            "pod-ready",
            &["ready", "fails-later", "fails", "hangs"],
            &usual,
            &well,
        ),
        one("pod-slow", &["slow"], &slowly, &well),
        one("pod-never-ready", &["never-ready"], &usual, &unready),
        one("pod-crash", &["crash"], &usual, &crash),
        one("pod-oom", &["oom"], &usual, &out_of_memory),
        one("pod-no-image", &["no-image"], &usual, &no_image),
    ]
}

/// What comes of a pod that runs: it turns bad, or its work ends.
fn ended(pace: Pace) -> Vec<Value> {
    let behaviour = behaviour();
    let turned_bad = Said {
        phase: "Running",
        ready: false,
        state: RUNNING,
        last_state: "{}",
        restarts: 0,
    };
    let done = Said {
        phase: "Succeeded",
        state: "{terminated: {exitCode: 0, reason: Completed, startedAt: NOW, finishedAt: NOW}}",
        ..turned_bad
    };
    let failed = Said {
        phase: "Failed",
        state: "{terminated: {exitCode: 1, reason: Error, startedAt: NOW, finishedAt: NOW}}",
        ..turned_bad
    };
    let of_job = |name: &str, behaves: &[&str], said: &Said<'_>| {
        stage(
            name,
            "Pod",
            &[
                When::Absent(DELETED),
                When::Is(PHASE, &["Running"]),
                When::Is(OWNER, &["Job"]),
                When::Is(&behaviour, behaves),
            ],
            &After(pace.of(ENDED), "ends-after").delay(),
            &said.status(false),
        )
    };
    vec![
        // Nobody asks whether a Job is ready.
        of_job("job-done", &["ready", "never-ready"], &done),
        of_job("job-failed", &["fails"], &failed),
        stage(
            "pod-turns-bad",
            "Pod",
            &[
                When::Absent(DELETED),
                When::Is(PHASE, &["Running"]),
                When::Is(READY, &["True"]),
                When::Is(&behaviour, &["fails-later"]),
            ],
            &After(pace.of(FAILED), "fails-after").delay(),
            &turned_bad.status(false),
        ),
    ]
}

/// The end of a pod: soon, after its own time, or only when its grace is over.
fn stopped(pace: Pace) -> Vec<Value> {
    let gone = json!({"delete": true, "finalizers": {"empty": true}});
    let patience = ".metadata.annotations[\"testbed.ripcord/stops\"]";
    vec![
        stage(
            "pod-gone",
            "Pod",
            &[When::Exists(DELETED), When::IsNot(patience, &["killed"])],
            &After(pace.of(STOPPED), "stops-after").delay(),
            &gone,
        ),
        stage(
            "pod-killed",
            "Pod",
            &[When::Exists(DELETED), When::Is(patience, &["killed"])],
            &json!({"durationFrom": {"expressionFrom": DELETED}}),
            &gone,
        ),
    ]
}
