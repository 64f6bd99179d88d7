//! The forge is a real Gitea, and Argo CD hears from it.

use data_encoding::BASE64;
use ripcord_testbed::{FORGE_USER, Forge, Options, PASSWORD, Testbed};
use ripcord_testkit::{Scratch, deployment};
use serde_json::{Value, json};

use crate::place::SOON;

fn bed(argocd: bool) -> Testbed {
    let options = Options {
        argocd,
        rollouts: false,
        forge: true,
        ..Options::default()
    };
    Testbed::start(&options).unwrap()
}

fn commit(forge: &Forge<'_>, verb: &str, path: &str, content: &str, sha: &Value) -> Value {
    let url = format!("/repos/{FORGE_USER}/infra/contents/{path}");
    let body = json!({
        "content": BASE64.encode(content.as_bytes()),
        "message": format!("Deploy {path}"),
        "sha": sha,
    });
    forge.call(verb, &url, &body).unwrap().unwrap()
}

#[test]
fn a_push_to_the_forge_reaches_argo_cd_by_its_webhook() {
    let bed = bed(true);
    let forge = bed.forge().unwrap();
    let url = forge.create("infra").unwrap();
    let web = deployment("web");
    let first = commit(&forge, "POST", "web/web.yaml", &web, &Value::Null);
    let hook = json!({
        "type": "gitea", "active": true, "events": ["push"],
        "config": {
            "url": format!("http://{}/api/webhook", bed.argocd_address().unwrap()),
            "content_type": "json",
        },
    });
    let hooks = format!("/repos/{FORGE_USER}/infra/hooks");
    forge.call("POST", &hooks, &hook).unwrap().unwrap();
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "targetRevision": "main", "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
            "syncPolicy": {"automated": {}},
        },
    });
    bed.block_on(bed.objects().apply_object(&application))
        .unwrap();
    synced(&bed, &first);
    let sha = &first["content"]["sha"];
    let changed = web.replace("replicas: ", "replicas: 1");
    let second = commit(&forge, "PUT", "web/web.yaml", &changed, sha);
    // Nobody asks for a refresh, and the next poll is minutes away.
    synced(&bed, &second);
}

fn synced(bed: &Testbed, to: &Value) {
    let objects = bed.objects();
    let kind = ("argoproj.io/v1alpha1", "Application");
    let apps = bed
        .block_on(objects.api(kind.0, kind.1, Some("argocd")))
        .unwrap();
    let wanted = &to["commit"]["sha"];
    let what = format!("synced to {wanted}");
    let waited = bed.wait_for(&what, SOON, || async {
        let found = apps.get("web").await.map_err(|error| error.to_string())?;
        let sync = &found.data["status"]["sync"];
        if sync["status"] == "Synced" && sync["revision"] == *wanted {
            Ok(())
        } else {
            Err(found.data["status"].to_string())
        }
    });
    bed.block_on(waited).unwrap();
}

#[test]
fn a_push_to_a_protected_branch_is_refused_with_giteas_words() {
    let bed = bed(false);
    let forge = bed.forge().unwrap();
    let url = forge.create("infra").unwrap();
    let protection = json!({"rule_name": "main", "enable_push": false});
    let rules = format!("/repos/{FORGE_USER}/infra/branch_protections");
    forge.call("POST", &rules, &protection).unwrap().unwrap();
    let scratch = Scratch::new().unwrap();
    let with_password = url.replace("://", &format!("://{FORGE_USER}:{PASSWORD}@"));
    let clone = scratch.clone_of(&with_password, "clone").unwrap();
    scratch
        .git(&clone, &["commit", "--allow-empty", "-m", "Deploy"])
        .unwrap();
    let pushed = scratch
        .try_git(&clone, &["push", "origin", "main"])
        .unwrap();
    assert!(!pushed.succeeded(), "{pushed:?}");
    let words = "Not allowed to push to protected branch main";
    assert!(pushed.stderr.contains(words), "{pushed:?}");
}
