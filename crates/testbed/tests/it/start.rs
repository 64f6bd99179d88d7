use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use ripcord_testbed::tools::{Group, prepare};
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
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}

/// A number that belongs to nobody with rights.
const NOBODY: &str = "65534";

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"])
        .arg(program);
    command
}

#[test]
fn everything_starts_for_a_user_who_is_not_root() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test here shows it.
        return;
    }
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let this = std::env::current_exe().unwrap();
    for needed in [&tree, &this] {
        let can_read = as_nobody(Path::new("test")).arg("-r").arg(needed).status();
        if !can_read.unwrap().success() {
            println!("not tried: others cannot read {}", needed.display());
            return;
        }
    }
    let home = tempfile::tempdir().unwrap();
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(home.path(), everybody).unwrap();
    // Programs that were built by root, where nobody else can reach them.
    let cache = home.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    let tools = prepare(&[Group::Core], &mut |_| {}).unwrap();
    let folders: std::collections::BTreeSet<&Path> = tools
        .programs()
        .filter_map(|(_, program)| program.parent())
        .collect();
    for folder in folders {
        let to = cache.join(folder.file_name().unwrap());
        let copied = Command::new("cp").arg("-a").arg(folder).arg(to).status();
        assert!(copied.unwrap().success());
    }
    let ran = as_nobody(&this)
        .args(["--exact", "start::everything_starts_and_nothing_is_left"])
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("CARGO_TARGET_DIR", home.path().join("target"))
        .env("RIPCORD_TESTBED_CACHE", &cache)
        .current_dir(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}
