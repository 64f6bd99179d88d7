use std::time::Instant;

use ripcord_testbed::{Options, Testbed};

#[test]
fn everything_starts_and_nothing_is_left() {
    let started = Instant::now();
    let bed = Testbed::start(&Options::default()).unwrap();
    println!("started in {:?}", started.elapsed());
    let folder = bed.folder().to_path_buf();
    let processes: Vec<u32> = ["etcd", "kube-apiserver", "argocd-server", "redis"]
        .into_iter()
        .map(|name| bed.part(name).process().unwrap())
        .collect();
    drop(bed);
    assert!(!folder.exists());
    for id in processes {
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
