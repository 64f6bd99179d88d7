//! A disk that is full while what is done is recorded.

use std::process::Stdio;

use crate::followed::{At, Followed};
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// A rollback whose writes fail, as on a full disk, where files may not grow: the signal that would end
/// it is ignored.
fn on_small_disk(outage: &Outage<'_>, limit: &str) -> Followed {
    let args = outage.rollback_args(&["--watch", "2s", "--wait", "60s", "-o", "json"]);
    let ripcord = outage.ripcord().command(args);
    let script = format!("trap '' XFSZ; {limit} exec \"$0\" \"$@\"");
    let mut command = outage.scratch.command("sh");
    command
        .args(["-c", &script])
        .arg(ripcord.get_program())
        .args(ripcord.get_args())
        .current_dir(ripcord.get_current_dir().unwrap())
        .stdin(Stdio::null());
    for (name, value) in ripcord.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    Followed::start(command)
}

/// Lets no file of a run grow beyond what the record has now.
fn fill(outage: &Outage<'_>, running: &Followed) {
    let journal = outage.scratch.state().join("ripcord/recoveries.sqlite-wal");
    let size = std::fs::metadata(journal).unwrap().len();
    let done = outage
        .scratch
        .command("prlimit")
        .args([
            "--pid",
            &running.id().to_string(),
            &format!("--fsize={size}"),
        ])
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_disk_that_is_full_before_is_said_and_nothing_is_changed() {
    let mut outage = Outage::of("auto-heal", "disk-before", PAYMENTS);
    let ended = on_small_disk(&outage, "ulimit -f 0;").end();
    assert_eq!(ended.code, Some(7), "{ended:#?}");
    for words in ["the record of recoveries", "nothing was changed"] {
        let said = format!("{} {:?}", ended.stderr, ended.events);
        assert!(said.contains(words), "{ended:#?}");
    }
    assert_eq!(outage.scene.infra().tip().unwrap(), outage.bad);
    let app = outage.app();
    // Argo CD may be about to heal something by itself.
    for operation in [
        &app["operation"],
        &app["status"]["operationState"]["operation"],
    ] {
        let is_argocds_own = operation["initiatedBy"]["automated"] == true;
        assert!(operation.is_null() || is_argocds_own, "{app:#}");
    }
    assert_eq!(outage.scene.version(PAYMENTS).unwrap(), BAD);
}

#[test]
fn a_disk_that_fills_up_in_the_middle_is_said_with_what_was_done_and_resume_finishes() {
    let mut outage = Outage::of("auto-heal", "disk-middle", PAYMENTS);
    outage.delay_pushes();
    let mut running = on_small_disk(&outage, "");
    running.until("undo", At::Ended);
    fill(&outage, &running);
    let ended = running.end();
    assert_eq!(ended.code, Some(8), "{ended:#?}");
    let said = format!("{} {:?}", ended.stderr, ended.events);
    let tip = outage.scene.infra().tip().unwrap();
    for words in [
        "the record of recoveries",
        "free some space",
        "ripcord resume r-",
        "is held until",
        &tip[..7],
    ] {
        assert!(said.contains(words), "{words}: {ended:#?}");
    }
    assert!(!said.contains("nothing was changed"), "{ended:#?}");
    assert_ne!(tip, outage.bad, "what was pushed is named");
    // There is space again.
    let resumed = outage.run(&["resume"]).assert_code(0);
    assert!(resumed.stdout.contains("restored"), "{resumed:?}");
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().tip().unwrap(), tip, "one commit only");
}
