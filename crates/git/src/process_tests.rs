use super::*;

#[test]
fn versions_before_2_39_are_too_old() {
    for (text, old) in [
        ("git version 2.39.5", None),
        ("git version 2.38.1", Some("2.38.1")),
        ("git version 1.99.0", Some("1.99.0")),
        ("git version 3.0.0-rc1", None),
        ("git version 2.39.5 (Apple Git-154)", None),
        ("git version 2.47.1.windows.2", None),
        ("nonsense", None),
    ] {
        assert_eq!(older_than_needed(text).as_deref(), old, "{text}");
    }
}

#[test]
fn a_git_that_hangs_is_ended_with_everything_it_started() {
    let answer = Git::anywhere("-c")
        .args(["alias.hang=!sleep 600", "hang"])
        .limit(Some(Duration::from_millis(200)))
        .run();
    assert!(
        matches!(answer, Err(RepoError::TimedOut { .. })),
        "{answer:?}"
    );
}

#[test]
fn more_output_than_is_kept_does_not_block_git() {
    let answer = Git::anywhere("-c")
        .args(["alias.much=!head -c 70000000 /dev/zero", "much"])
        .run()
        .unwrap();
    assert!(answer.ok);
    assert_eq!(answer.stdout.len() as u64, MOST);
}

#[test]
fn secrets_are_taken_out_of_the_words_of_git() {
    let answer = Git::anywhere("-c")
        .args([
            "alias.tell=!echo 'pa%20ss https://me:pw@host/x' >&2",
            "tell",
        ])
        .secret(Some("pa%20ss"))
        .run()
        .unwrap();
    assert_eq!(answer.stderr.trim(), "*** https://***@host/x");
}

#[test]
fn input_that_git_does_not_read_is_no_error() {
    let answer = Git::anywhere("version")
        .stdin(vec![0; 1 << 20])
        .run()
        .unwrap();
    assert!(answer.ok);
}
