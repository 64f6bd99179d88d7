use std::os::unix::fs::PermissionsExt as _;

use ripcord_testbed::{Options, Testbed};

#[test]
fn everything_starts_and_nothing_is_left() {
    let bed = Testbed::start(&Options::default()).unwrap();
    let folder = bed.folder().to_path_buf();
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the administrator's token is in it");
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
