//! ripcord in a pod: its account is all that says where the cluster is.

use std::fs;

use ripcord_testkit::Ripcord;
use serde_json::{Value, json};

use crate::outage::{GOOD, Outage, PAYMENTS};

/// Puts the files of an account where a kubelet does, for one process only, and runs that.
const AS_A_POD: &str = "
    set -e
    mount -t tmpfs none /run
    mkdir -p /run/secrets/kubernetes.io
    cp -r \"$1\" /run/secrets/kubernetes.io/serviceaccount
    shift
    exec \"$@\"
";

#[test]
fn in_a_pod_the_account_is_enough() {
    let mut outage = Outage::of("auto-heal", "in-a-pod", PAYMENTS);
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "in-a-pod"}, "rules": everything,
    });
    let kubeconfig = fs::read_to_string(outage.bed.kubeconfig().unwrap()).unwrap();
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let authority = cluster["certificate-authority"].as_str().unwrap();
    let account = outage.scratch.path().join("account");
    fs::create_dir(&account).unwrap();
    for (name, content) in [
        ("token", outage.token_of("in-a-pod", &role)),
        ("ca.crt", fs::read_to_string(authority).unwrap()),
        ("namespace", "default".to_owned()),
    ] {
        fs::write(account.join(name), content).unwrap();
    }
    let server = cluster["server"].as_str().unwrap();
    let (host, port) = server
        .trim_start_matches("https://")
        .split_once(':')
        .unwrap();
    let pod = Ripcord::new(&outage.scratch, "unshare")
        .in_dir(outage.clone_dir())
        .at("")
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port);
    let wrapped = [
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        AS_A_POD,
        "sh",
        account.to_str().unwrap(),
        env!("CARGO_BIN_EXE_ripcord"),
    ];
    let args = outage.rollback_args(&["--watch", "2s", "--wait", "60s", "-o", "json"]);
    let output = pod.run(wrapped.into_iter().chain(args)).unwrap();
    let recovery = Outage::recovery(&output.assert_code(0));
    assert!(
        recovery["steps"].to_string().contains("undo"),
        "{recovery:#}"
    );
    outage.assert_restored(GOOD);
}
