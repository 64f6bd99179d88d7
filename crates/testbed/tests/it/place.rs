//! A namespace of a test's own in the testbed that all tests share.

use std::time::Duration;

use kube::api::{Api, DynamicObject, ListParams};
use ripcord_testbed::Testbed;
use serde_json::{Value, json};

pub(crate) const SOON: Duration = Duration::from_secs(40);

pub(crate) struct Place {
    pub(crate) bed: &'static Testbed,
    pub(crate) namespace: String,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let bed = Testbed::shared().unwrap();
        let place = Self {
            bed,
            namespace: name.to_owned(),
        };
        place.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        }));
        place
    }

    pub(crate) fn apply(&self, object: &Value) {
        self.bed
            .block_on(self.bed.objects().apply_object(object))
            .unwrap();
    }

    pub(crate) fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let api = self
            .bed
            .objects()
            .api(api_version, kind, Some(&self.namespace));
        self.bed.block_on(api).unwrap()
    }

    /// Waits until the value at a JSON pointer of an object is this.
    pub(crate) fn sees(&self, api: &Api<DynamicObject>, name: &str, pointer: &str, value: &Value) {
        let what = format!("{name}: {pointer} is {value}");
        let asked = self.bed.wait_for(&what, SOON, || async {
            let object = api.get(name).await.map_err(|error| error.to_string())?;
            let found = object.data.pointer(pointer).unwrap_or(&Value::Null);
            if found == value {
                Ok(())
            } else {
                Err(format!("it is {found}"))
            }
        });
        self.bed.block_on(asked).unwrap();
    }

    /// Waits until some pod of an app is said to be like this.
    pub(crate) fn sees_pod(&self, app: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let pods = self.api("v1", "Pod");
        let params = ListParams::default().labels(&format!("app={app}"));
        let asked = self.bed.wait_for(what, SOON, || async {
            let listed = pods
                .list(&params)
                .await
                .map_err(|error| error.to_string())?;
            let said: Vec<&Value> = listed.items.iter().map(|pod| &pod.data["status"]).collect();
            if said.iter().any(|status| holds(status)) {
                Ok(())
            } else {
                Err(format!("{said:?}"))
            }
        });
        self.bed.block_on(asked).unwrap();
    }

    pub(crate) fn deployment(&self, name: &str, image: &str, annotations: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": name}},
                "template": pod(name, image, annotations),
            },
        })
    }

    pub(crate) fn job(&self, name: &str, image: &str) -> Value {
        let mut template = pod(name, image, &quick());
        template["spec"]["restartPolicy"] = "Never".into();
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"backoffLimit": 0, "template": template},
        })
    }
}

fn pod(name: &str, image: &str, annotations: &Value) -> Value {
    json!({
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": image}]},
    })
}

/// Pods that lose no time.
pub(crate) fn quick() -> Value {
    json!({
        "testbed.ripcord/created-after": "10ms",
        "testbed.ripcord/ready-after": "50ms",
        "testbed.ripcord/ends-after": "50ms",
    })
}
