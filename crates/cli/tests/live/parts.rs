//! Parts that are down, in a testbed of its own: one after the other.

use std::time::{Duration, Instant};

use ripcord_testbed::{Network, Options, Scene, Testbed};
use ripcord_testkit::{Ripcord, Scratch};

use crate::by_server::by_server;
use crate::followed::{At, Followed};
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// A service of its own that is broken, in a testbed whose parts can be stopped.
fn outage<'a>(bed: &'a Testbed, name: &str) -> Outage<'a> {
    let mut outage = Outage::on(bed, "auto-heal", name, PAYMENTS, name);
    outage.break_it(BAD);
    outage
}

#[test]
fn what_is_down_is_said_and_the_rest_is_done() {
    let bed = Testbed::start(&Options::default()).unwrap();
    without_argo_cds_api_server(&bed);
    without_the_application_controller(&bed);
    without_the_repo_server(&bed);
    with_git_cut_off_for_argo_cd(&bed);
    with_the_cluster_away_for_a_while(&bed);
    with_the_cluster_away_at_the_beginning(&bed);
    by_an_api_of_argo_cd_that_goes_away(&bed);
}

fn without_argo_cds_api_server(bed: &Testbed) {
    let mut outage = outage(bed, "no-server");
    bed.part("argocd-server").kill().unwrap();
    let _ = outage.rollback(&[]).assert_code(0);
    outage.assert_restored(GOOD);
    bed.part("argocd-server").start().unwrap();
}

fn without_the_application_controller(bed: &Testbed) {
    let mut outage = outage(bed, "no-controller");
    bed.part("argocd-application-controller").kill().unwrap();
    // The pods are good at once: that needs no Argo CD.
    let output = outage.rollback(&["--wait", "5s"]).assert_code(8);
    let who = "application controller begins it as soon as it is there";
    assert!(output.stderr.contains(who), "{output:?}");
    assert!(outage.runs(GOOD), "{:?}", outage.pods());
    bed.part("argocd-application-controller").start().unwrap();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    let _ = resumed.assert_code(0);
    outage.assert_restored(GOOD);
}

fn without_the_repo_server(bed: &Testbed) {
    let mut outage = outage(bed, "no-repo-server");
    bed.part("argocd-repo-server").kill().unwrap();
    let output = outage.rollback(&["--wait", "6s"]).assert_code(8);
    assert!(outage.runs(GOOD), "{:?}", outage.pods());
    assert!(output.stderr.contains("ripcord resume"), "{output:?}");
    bed.part("argocd-repo-server").start().unwrap();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    let _ = resumed.assert_code(0);
    outage.assert_restored(GOOD);
}

fn with_git_cut_off_for_argo_cd(bed: &Testbed) {
    let mut outage = outage(bed, "git-cut");
    bed.set_network("argocd", "git", Network::Cut).unwrap();
    let _ = outage.rollback(&["--wait", "6s"]).assert_code(8);
    assert!(outage.runs(GOOD), "{:?}", outage.pods());
    bed.set_network("argocd", "git", Network::Good).unwrap();
    let resumed = outage.ripcord().run(["resume", "--watch", "2s"]).unwrap();
    let _ = resumed.assert_code(0);
    outage.assert_restored(GOOD);
}

fn with_the_cluster_away_for_a_while(bed: &Testbed) {
    let mut outage = outage(bed, "away");
    let running = outage
        .ripcord()
        .spawn(["rollback", PAYMENTS, "production", "--yes", "--watch", "2s"])
        .unwrap();
    outage.wait("it is undone", |outage| {
        outage.scene.version(PAYMENTS).unwrap() == GOOD
    });
    bed.set_network("tester", "kube-apiserver", Network::Cut)
        .unwrap();
    std::thread::sleep(Duration::from_secs(20));
    bed.set_network("tester", "kube-apiserver", Network::Good)
        .unwrap();
    let _ = running.wait().unwrap().assert_code(0);
    outage.assert_restored(GOOD);
}

fn with_the_cluster_away_at_the_beginning(bed: &Testbed) {
    let mut outage = outage(bed, "away-first");
    bed.set_network("tester", "kube-apiserver", Network::Cut)
        .unwrap();
    let mut running = outage.follow(&outage.rollback_args(&[]));
    running.until("push", At::Ended);
    bed.set_network("tester", "kube-apiserver", Network::Good)
        .unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    outage.assert_restored(GOOD);
}

fn by_an_api_of_argo_cd_that_goes_away(bed: &Testbed) {
    let mut outage = outage(bed, "server-away");
    let mut args = outage.rollback_args(&["--watch", "2s", "--wait", "60s"]);
    args.extend(["-o", "json"]);
    let mut running = Followed::start(by_server(&outage).command(&args));
    running.until("hold", At::Ended);
    bed.part("argocd-server").kill().unwrap();
    bed.part("argocd-server").start().unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    outage.assert_restored(GOOD);
}

#[test]
fn a_service_in_another_cluster_than_argo_cds_goes_back_there() {
    let bed = Testbed::start(&Options {
        rollouts: false,
        more_clusters: vec!["edge".into()],
        ..Options::default()
    })
    .unwrap();
    let edge = bed.register("edge").unwrap();
    let mut scene = Scene::set_on(&bed, "auto-heal", "afar", &edge).unwrap();
    scene.wait_until("Healthy").unwrap();
    let scratch = Scratch::new().unwrap();
    let clone = scratch
        .clone_of(&bed.git().url("afar.git"), "clone")
        .unwrap();
    let bad = scene.deploy(PAYMENTS, BAD).unwrap();
    scene.refresh().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let app = scene.application().get().unwrap();
        if app["status"]["sync"]["revision"] == *bad
            && app["operation"].is_null()
            && app["status"]["health"]["status"] == "Progressing"
        {
            break;
        }
        assert!(Instant::now() < until, "{app:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = Ripcord::new(&scratch, env!("CARGO_BIN_EXE_ripcord"))
        .in_dir(&clone)
        .at("")
        .env("KUBECONFIG", bed.kubeconfig().unwrap().to_str().unwrap())
        .run([
            "rollback",
            PAYMENTS,
            "production",
            "--yes",
            "--watch",
            "2s",
            "-o",
            "json",
        ])
        .unwrap()
        .assert_code(0);
    let recovery = Outage::recovery(&output);
    assert!(
        recovery["steps"].to_string().contains("undo"),
        "{recovery:#}"
    );
    assert!(!recovery["parts"][0]["good"].is_null(), "{recovery:#}");
}
