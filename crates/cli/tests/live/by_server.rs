//! The same by Argo CD's API server: a token, and no way to the cluster.

use ripcord_testbed::PASSWORD;
use ripcord_testkit::Ripcord;

use crate::outage::{GOOD, Outage, PAYMENTS};

/// ripcord with a token of Argo CD and no kubeconfig.
pub(crate) fn by_server(outage: &Outage<'_>) -> Ripcord {
    let address = outage.bed.argocd_address().unwrap();
    outage
        .ripcord()
        .env("KUBECONFIG", "/nowhere")
        .env("ARGOCD_SERVER", format!("http://{address}"))
        .env("ARGOCD_AUTH_TOKEN", outage.bed.argocd_token().unwrap())
}

const ROLLBACK: [&str; 7] = [
    "rollback",
    PAYMENTS,
    "production",
    "--yes",
    "--watch",
    "2s",
    "-ojson",
];

#[test]
fn by_the_api_of_argo_cd_a_service_is_back_as_by_its_objects() {
    let mut outage = Outage::of("sync-windows", "api-window", PAYMENTS);
    let before = outage.windows("api-window");
    let output = by_server(&outage).run(ROLLBACK).unwrap().assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["standing"], "restored");
    assert_eq!(recovery["holds"][0]["kind"], "window");
    assert!(
        recovery["steps"].to_string().contains("undo"),
        "{recovery:#}"
    );
    // Argo CD's API writes the time zone that it assumes into what it is given.
    let after = outage.windows("api-window");
    let schedules = |windows: &serde_json::Value| {
        let windows = windows.as_array().unwrap().iter();
        windows
            .map(|window| window["schedule"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(schedules(&after), schedules(&before), "{after}");
    outage.assert_restored(GOOD);
    let app = outage.app();
    let info = app["status"]["operationState"]["operation"]["info"].to_string();
    assert!(info.contains(recovery["id"].as_str().unwrap()), "{info}");
}

/// Goes back by the API; the steps that were done.
fn back_by_server(outage: &mut Outage<'_>) -> String {
    let args = outage.rollback_args(&["--watch", "2s", "--wait", "60s", "-ojson"]);
    let output = by_server(outage).run(args).unwrap().assert_code(0);
    outage.assert_restored(GOOD);
    Outage::recovery(&output)["steps"].to_string()
}

#[test]
fn by_the_api_of_argo_cd_a_canary_is_aborted() {
    let mut outage = Outage::of("canary", "api-canary", "checkout");
    let steps = back_by_server(&mut outage);
    assert!(steps.contains("abort"), "{steps}");
}

#[test]
fn by_the_api_of_argo_cd_a_stuck_pod_is_deleted() {
    let mut outage = Outage::of("statefulset", "api-stuck", "sessions");
    let steps = back_by_server(&mut outage);
    assert!(
        steps.contains("undo") && steps.contains("unstick"),
        "{steps}"
    );
}

#[test]
fn by_the_api_of_argo_cd_a_promoted_version_goes_back_without_a_canary() {
    let mut outage = Outage::promoted("canary", "api-promoted", "checkout");
    let steps = back_by_server(&mut outage);
    assert!(
        steps.contains("undo") && steps.contains("promote"),
        "{steps}"
    );
}

#[test]
fn by_the_api_of_argo_cd_a_migration_that_hangs_is_ended() {
    let mut outage = Outage::none_yet("hooks", "api-hangs", "ledger", "api-hangs");
    outage.hang_in_hook();
    let steps = back_by_server(&mut outage);
    assert!(steps.contains("terminate"), "{steps}");
}

#[test]
fn a_token_that_is_not_accepted_is_said_before_anything_is_changed() {
    let mut outage = Outage::of("auto-heal", "api-token", PAYMENTS);
    let output = by_server(&outage)
        .env("ARGOCD_AUTH_TOKEN", "expired-and-secret")
        .run(ROLLBACK)
        .unwrap();
    let said = output.assert_code(6);
    assert!(
        said.stderr.contains("does not accept these credentials"),
        "{said:?}"
    );
    assert!(!format!("{said:?}").contains("expired-and-secret"));
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
}

#[test]
fn who_is_logged_in_with_the_argocd_command_needs_nothing_else() {
    let mut outage = Outage::of("sync-windows", "api-login", PAYMENTS);
    let address = outage.bed.argocd_address().unwrap().to_string();
    let login = ["login", &address, "--username", "admin", "--plaintext"];
    let said = outage
        .scratch
        .command(outage.bed.programs().join("argocd"))
        .args(login)
        .args(["--password", PASSWORD])
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    let ripcord = outage.ripcord().env("KUBECONFIG", "/nowhere");
    let output = ripcord.run(ROLLBACK).unwrap().assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["parts"][0]["application"]["name"], "api-login");
    outage.assert_restored(GOOD);
}
