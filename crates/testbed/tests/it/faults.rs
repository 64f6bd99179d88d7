//! Components that are down or hang, networks that are cut, testbeds whose process is killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ripcord_testbed::{Network, Options, Pace, Testbed};
use serde_json::json;

fn bare() -> Options {
    Options {
        argocd: false,
        rollouts: false,
        pace: Pace::Quick,
        ..Options::default()
    }
}

fn namespace(bed: &Testbed, name: &str) -> anyhow::Result<()> {
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
    });
    let applied = bed.objects().apply_object(&object);
    let limited = async { tokio::time::timeout(Duration::from_secs(3), applied).await };
    bed.block_on(limited)?
}

#[test]
fn components_can_be_killed_paused_and_started_again() {
    let bed = Testbed::start(&bare()).unwrap();
    namespace(&bed, "before").unwrap();

    let store = bed.part("etcd");
    let paused = store.pause().unwrap();
    assert!(namespace(&bed, "paused").is_err());
    drop(paused);
    namespace(&bed, "after-the-pause").unwrap();

    let api = bed.part("kube-apiserver");
    api.kill().unwrap();
    assert!(api.process().is_none());
    assert!(namespace(&bed, "killed").is_err());
    api.start().unwrap();
    namespace(&bed, "started-again").unwrap();

    let error = bed.part("kube-apiservant").kill().unwrap_err().to_string();
    assert!(error.contains("there are etcd, kube-apiserver"), "{error}");
}

#[test]
fn a_network_that_is_cut_is_cut_for_those_who_use_it() {
    let bed = Testbed::start(&bare()).unwrap();
    namespace(&bed, "before").unwrap();
    bed.set_network("tester", "kube-apiserver", Network::Cut)
        .unwrap();
    assert!(namespace(&bed, "cut").is_err());
    bed.set_network("tester", "kube-apiserver", Network::HalfOpen)
        .unwrap();
    assert!(namespace(&bed, "lost").is_err());
    bed.set_network("tester", "kube-apiserver", Network::Good)
        .unwrap();
    namespace(&bed, "good").unwrap();
    let error = bed
        .set_network("tester", "nobody", Network::Cut)
        .unwrap_err();
    assert!(
        error.to_string().contains("tester to kube-apiserver"),
        "{error}"
    );
}

#[test]
fn a_program_that_does_not_start_is_named_with_its_last_words() {
    let tools =
        ripcord_testbed::tools::prepare(&[ripcord_testbed::tools::Group::Core], &mut |_| {})
            .unwrap();
    let broken = tools.with_program("kube-scheduler", Path::new("/bin/false"));
    let error = Testbed::start_with(&bare(), &broken).err().unwrap();
    let told = format!("{error:#}");
    assert!(
        told.contains("kube-scheduler ended with exit code 1"),
        "{told}"
    );
    let log = told.split("its log is ").nth(1).unwrap();
    let log = log.split(['\n', ':']).next().unwrap();
    assert!(Path::new(log).exists(), "{log}");
}

/// A program that says the first time that its port is taken, and is the real one afterwards.
fn with_its_port_taken_once(real: &Path, folder: &Path) -> PathBuf {
    let (program, was_started) = (folder.join("program"), folder.join("started"));
    let script = format!(
        "#!/bin/sh\n[ -e {mark} ] && exec {real} \"$@\"\n: >{mark}\n\
         echo 'listen tcp 127.0.0.1:1: bind: address already in use' >&2\nexit 1\n",
        mark = was_started.display(),
        real = real.display(),
    );
    std::fs::write(&program, script).unwrap();
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, runs).unwrap();
    program
}

#[test]
fn a_port_that_was_taken_meanwhile_is_not_the_end() {
    let tools =
        ripcord_testbed::tools::prepare(&[ripcord_testbed::tools::Group::Core], &mut |_| {})
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let real = tools.program("kube-scheduler").unwrap();
    let program = with_its_port_taken_once(real, folder.path());
    let tools = tools.with_program("kube-scheduler", &program);
    let bed = Testbed::start_with(&bare(), &tools).unwrap();
    namespace(&bed, "after-all").unwrap();
}

#[test]
fn two_testbeds_and_two_clusters_live_beside_each_other() {
    let two = Options {
        more_clusters: vec!["edge".into()],
        ..bare()
    };
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| Testbed::start(&two).unwrap());
        let other = scope.spawn(|| Testbed::start(&bare()).unwrap());
        (one.join().unwrap(), other.join().unwrap())
    });
    namespace(&one, "mine").unwrap();
    let missing = |cluster: &ripcord_testbed::Cluster, bed: &Testbed| {
        bed.block_on(async {
            let api = cluster
                .objects()
                .api("v1", "Namespace", None)
                .await
                .unwrap();
            api.get_opt("mine").await.unwrap().is_none()
        })
    };
    assert!(!missing(&one.clusters()[0], &one));
    assert!(missing(&one.clusters()[1], &one));
    assert!(missing(&other.clusters()[0], &other));
}

/// Not a test: the process that the next test kills.
#[test]
#[ignore = "started by another test"]
fn victim() {
    let bed = Testbed::start(&bare()).unwrap();
    println!("folder {}", bed.folder().display());
    for (_, id) in bed.processes() {
        println!("process {}", id.unwrap());
    }
    println!("up");
    std::thread::park();
}

#[test]
fn nothing_is_left_of_a_testbed_whose_process_is_killed() {
    use std::io::{BufRead as _, BufReader};
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::victim", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut left: Vec<PathBuf> = Vec::new();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if let Some(folder) = line.split("folder ").nth(1) {
            left.push(folder.into());
        } else if let Some(id) = line.strip_prefix("process ") {
            left.push(format!("/proc/{id}").into());
        } else if line == "up" {
            break;
        }
    }
    assert!(left.len() > 5, "{left:?}");
    assert!(left.iter().all(|path| path.exists()));
    victim.kill().unwrap();
    victim.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while left.iter().any(|path| path.exists()) {
        assert!(Instant::now() < until, "{left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
