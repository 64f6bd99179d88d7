//! Versions that an ApplicationSet takes from what it generates from.

use ripcord_testkit::Output;
use serde_json::{Value, json};

use crate::by_server::by_server;
use crate::followed::At;
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// A scene without payments, to which a set brings it, once for each environment.
fn none_yet(name: &str) -> Outage<'static> {
    let mut outage = Outage::none_yet("daemonset", name, "agent", name);
    outage.turn_to(PAYMENTS, name);
    outage.application = format!("{name}-production");
    let infra = outage.scene.infra();
    infra.remove("services/payments-service/overlays/production/kustomization.yaml");
    infra.write(
        "deployable/kustomization.yaml",
        "resources: [../services/payments-service/base]\n",
    );
    infra.write(
        "ripcord.yaml",
        "version_files: [{path: 'environments/{environment}/{service}.yaml', fields: [image.tag]}]\n",
    );
    infra.commit("Generate from environments").land().unwrap();
    outage
}

/// The set, as JSON. Production runs where the scene does.
fn set(outage: &Outage<'_>, name: &str, generators: &Value, tag: &str) -> Value {
    let repository = outage.scene.repository();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "goTemplate": true,
            "generators": generators,
            "template": {
                "metadata": {"name": format!("{}-{{{{ .env }}}}", outage.scene.name())},
                "spec": {
                    "project": "default",
                    "source": {
                        "repoURL": repository, "targetRevision": "main", "path": "deployable",
                        "kustomize": {"images": [format!("acme/payments-service:{{{{ {tag} }}}}")]},
                    },
                    "destination": {
                        "server": "https://kubernetes.default.svc",
                        "namespace": "{{ .namespace }}",
                    },
                    "syncPolicy": {
                        "automated": {"prune": true, "selfHeal": true},
                        "syncOptions": ["CreateNamespace=true"],
                    },
                },
            },
        },
    })
}

fn apply(outage: &Outage<'_>, object: &Value) {
    outage
        .bed
        .block_on(outage.bed.objects().apply_object(object))
        .unwrap();
}

/// Tells the set to look, and waits until both environments have what they shall.
fn generated(outage: &mut Outage<'_>, set: &str, version: &str) {
    let name = outage.scene.name().to_owned();
    let look = "argocd.argoproj.io/application-set-refresh=true";
    let tell = ["annotate", "applicationset", set, look, "--overwrite"];
    outage.wait("both are live", |outage| {
        // While it is at work it does not hear.
        outage.bed.kubectl("argocd", &tell).unwrap();
        [name.clone(), format!("{name}-staging")]
            .iter()
            .all(|namespace| versions(outage, namespace).contains(&version.to_owned()))
            && outage.app()["operation"].is_null()
    });
}

/// The versions of the pods in a namespace.
fn versions(outage: &Outage<'_>, namespace: &str) -> Vec<String> {
    let selector = format!("app={PAYMENTS}");
    let images = "jsonpath={range .items[*]}{.spec.containers[0].image}{\"\\n\"}{end}";
    let found = outage
        .bed
        .kubectl(namespace, &["get", "pods", "-l", &selector, "-o", images]);
    let found = found.unwrap_or_default();
    let tags = found.lines().filter_map(|image| image.rsplit(':').next());
    tags.map(str::to_owned).collect()
}

/// What a recovery did, in words.
fn steps(output: &Output) -> String {
    Outage::recovery(output)["steps"].to_string()
}

/// What is wanted of the Application of an environment.
fn wanted(outage: &Outage<'_>, environment: &str) -> Value {
    let name = format!("{}-{environment}", outage.scene.name());
    outage.bed.application(&name).get().unwrap()["spec"].clone()
}

/// The generator of what is in files.
fn from_files(outage: &Outage<'_>, path: &str) -> Value {
    json!({"git": {
        "repoURL": outage.scene.repository(), "revision": "main", "files": [{"path": path}],
    }})
}

const FILES: &str = "environments/*/payments-service.yaml";

/// Deploys a version to both environments by their files.
fn by_files(outage: &mut Outage<'_>, version: &str) {
    let name = outage.scene.name().to_owned();
    let infra = outage.scene.infra();
    for (environment, namespace) in [
        ("production", name.clone()),
        ("staging", format!("{name}-staging")),
    ] {
        infra.write(
            &format!("environments/{environment}/payments-service.yaml"),
            format!("env: {environment}\nnamespace: {namespace}\nimage:\n  tag: {version}\n"),
        );
    }
    outage.bad = infra
        .commit(&format!("Deploy payments-service {version}"))
        .land()
        .unwrap();
}

/// A set that generates from a file for each environment; the bad version is live in both.
fn of_files(name: &str) -> Outage<'static> {
    let mut outage = none_yet(name);
    by_files(&mut outage, GOOD);
    let files = from_files(&outage, FILES);
    let set = set(&outage, name, &json!([files]), ".image.tag");
    apply(&outage, &set);
    generated(&mut outage, name, GOOD);
    by_files(&mut outage, BAD);
    generated(&mut outage, name, BAD);
    outage
}

#[test]
fn a_version_in_a_file_that_a_set_generates_from_goes_back_in_its_application_alone() {
    let mut outage = of_files("by-files");
    let staging = wanted(&outage, "staging");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let parts = recovery["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 1, "{recovery:#}");
    assert_eq!(parts[0]["application"]["name"], "by-files-production");
    let steps = steps(&output);
    assert!(
        steps.contains("undo") && steps.contains("generate"),
        "{steps}"
    );
    outage.assert_restored(GOOD);
    assert_eq!(wanted(&outage, "staging"), staging);
    // It is stuck there as before: some pods of the bad version, and it is wanted.
    assert!(versions(&outage, "by-files-staging").contains(&BAD.to_owned()));
    let wanted = "jsonpath={.spec.template.spec.containers[0].image}";
    let deployment = ["get", "deployment", PAYMENTS, "-o", wanted];
    let wanted = outage.bed.kubectl("by-files-staging", &deployment).unwrap();
    assert!(wanted.ends_with(BAD), "{wanted}");
}

#[test]
fn a_set_that_only_finds_folders_by_their_files_is_not_waited_for() {
    let name = "by-folders";
    let mut outage = Outage::none_yet("daemonset", name, "agent", name);
    outage.turn_to(PAYMENTS, "by-folders-production");
    let files = from_files(
        &outage,
        "services/payments-service/overlays/*/kustomization.yaml",
    );
    let mut set = set(&outage, name, &json!([files]), "");
    let template = &mut set["spec"]["template"];
    template["metadata"]["name"] = format!("{name}-{{{{ .path.basename }}}}").into();
    template["spec"]["source"]["path"] = "{{ .path.path }}".into();
    let source = template["spec"]["source"].as_object_mut();
    source.unwrap().remove("kustomize");
    template["spec"]["destination"]["namespace"] = name.into();
    apply(&outage, &set);
    outage.wait("it is live", |outage| outage.runs(GOOD));
    outage.bad = outage.scene.deploy(PAYMENTS, BAD).unwrap();
    outage
        .bed
        .application("by-folders-production")
        .refresh()
        .unwrap();
    outage.wait("the bad version is live", |outage| {
        let app = outage.app();
        app["operation"].is_null() && outage.pods().iter().any(|pod| pod.version == BAD)
    });
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let steps = steps(&output);
    assert!(
        steps.contains("undo") && !steps.contains("generate"),
        "{steps}"
    );
    outage.assert_restored(GOOD);
}

#[test]
fn a_set_that_was_told_to_look_by_a_killed_run_is_waited_for_by_the_next() {
    let mut outage = of_files("kill-generate");
    outage.kill(&outage.rollback_args(&[]), ("generate", At::Begun));
    let _ = outage.run(&["resume"]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn a_set_that_leaves_what_it_made_as_it_is_keeps_production_held_and_is_named() {
    let mut outage = of_files("create-only");
    let policy = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "create-only", "namespace": "argocd"},
        "spec": {"syncPolicy": {"applicationsSync": "create-only"}},
    });
    let merge = |object: &Value| {
        outage
            .bed
            .block_on(outage.bed.objects().merge_object(object))
            .unwrap();
    };
    merge(&policy);
    let output = outage.rollback(&["--wait", "5s"]).assert_code(8);
    assert!(
        output
            .stderr
            .contains("has not given it the good version yet"),
        "{output:?}"
    );
    outage.assert_stays(GOOD);
    let mut policy = policy;
    policy["spec"]["syncPolicy"] = Value::Null;
    merge(&policy);
    let _ = outage.run(&["resume"]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn a_version_in_the_list_of_a_set_goes_back_by_the_parent_of_the_set() {
    let name = "by-list";
    let mut outage = none_yet(name);
    let write = |outage: &mut Outage<'_>, version: &str| {
        let element = |environment: &str, namespace: String| json!({"env": environment, "namespace": namespace, "tag": version});
        let elements = json!([{"list": {"elements": [
            element("production", name.to_owned()),
            element("staging", format!("{name}-staging")),
        ]}}]);
        let set = set(outage, name, &elements, ".tag");
        let infra = outage.scene.infra();
        // One value in each line, as people write it.
        infra.write("sets/by-list.yaml", serde_saphyr::to_string(&set).unwrap());
        let commit = infra.commit(&format!("Deploy {name} {version}")).land();
        outage.bad = commit.unwrap();
    };
    write(&mut outage, GOOD);
    let parent = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "by-list-sets", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": outage.scene.repository(), "targetRevision": "main", "path": "sets",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "argocd"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
    });
    apply(&outage, &parent);
    let refresh = |outage: &Outage<'_>| outage.bed.application("by-list-sets").refresh().unwrap();
    outage.wait("the set is there", |outage| {
        let found = outage
            .bed
            .kubectl("argocd", &["get", "applicationset", name]);
        found.is_ok()
    });
    generated(&mut outage, name, GOOD);
    write(&mut outage, BAD);
    refresh(&outage);
    outage.wait("the parent has the bad one", |outage| {
        let parent = outage.bed.application("by-list-sets").get().unwrap();
        parent["status"]["sync"]["revision"] == *outage.bad && parent["operation"].is_null()
    });
    generated(&mut outage, name, BAD);
    let staging = wanted(&outage, "staging");
    // In such a repository the set is the service.
    let output = outage
        .run(&["rollback", name, "production", "--yes", "-o", "json"])
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    let parts = recovery["parts"].as_array().unwrap();
    assert_eq!(parts.len(), 2, "{recovery:#}");
    assert!(steps(&output).contains("undo"), "{recovery:#}");
    outage.assert_restored(GOOD);
    assert_eq!(wanted(&outage, "staging"), staging);
}

#[test]
fn by_the_api_of_argo_cd_a_set_is_waited_for_until_it_looks_by_itself() {
    let mut outage = of_files("files-by-api");
    // By default it looks every three minutes.
    let mut files = from_files(&outage, FILES);
    files["git"]["requeueAfterSeconds"] = 2.into();
    let often = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "files-by-api", "namespace": "argocd"},
        "spec": {"generators": [files]},
    });
    outage
        .bed
        .block_on(outage.bed.objects().merge_object(&often))
        .unwrap();
    let args = outage.rollback_args(&["--watch", "2s", "--wait", "60s", "-ojson"]);
    let output = by_server(&outage).run(args).unwrap().assert_code(0);
    assert!(output.stdout.contains("looks by itself"), "{output:?}");
    assert!(steps(&output).contains("undo"), "{output:?}");
    outage.assert_restored(GOOD);
}
