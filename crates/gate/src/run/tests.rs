use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_source_scan_whose_thread_panics_does_not_let_the_gate_pass() {
    let folder = tempfile::tempdir().unwrap();
    let policy = GatePolicy {
        checks: vec![CheckPolicy {
            name: "unit tests".to_owned(),
            run: Command::Line("true".to_owned()),
            time_box: None,
            droppable: false,
        }],
        ..GatePolicy::default()
    };
    let asked = AtomicUsize::new(0);
    // The gate asks first, the scan of the sources next.
    let clock = || {
        assert_eq!(
            asked.fetch_add(1, Ordering::SeqCst),
            0,
            "the clock stands still"
        );
        Timestamp::UNIX_EPOCH
    };
    let gate = Gate {
        policy: &policy,
        folder: folder.path(),
        out: folder.path(),
        hotfix: None,
        commit: "0",
        base: None,
        repository: None,
        overrides: &[],
        by: "somebody",
        clock: &clock,
    };
    let record = run(&gate, &mut |_| {}).unwrap();
    assert!(!record.passed);
    let scan = record
        .checks
        .iter()
        .find(|one| one.name == SOURCES)
        .unwrap();
    assert_eq!(scan.verdict, Verdict::Failed);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
