use super::*;

#[test]
fn a_lost_race_is_told_from_a_no() {
    let outcome = |reason: &str, words: &str| {
        refused(&format!("!\tabc:refs/heads/main\t{reason}"), words.into())
    };
    for lost in [
        "[rejected] (stale info)",
        "[rejected] (fetch first)",
        "[rejected] (non-fast-forward)",
        "[remote rejected] (failed to update ref)",
        "[remote rejected] (incorrect old value provided)",
        "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
    ] {
        assert_eq!(outcome(lost, ""), PushOutcome::Moved, "{lost}");
    }
    for (reason, words, kind) in [
        (
            "[remote rejected] (pre-receive hook declined)",
            "",
            RejectKind::Hook,
        ),
        (
            "[remote rejected] (hook declined)",
            "no on friday",
            RejectKind::Hook,
        ),
        (
            "[remote rejected] (protected branch hook declined)",
            "error: GH006: Protected branch update failed",
            RejectKind::ProtectedBranch,
        ),
        (
            "[remote rejected] (push declined due to repository rule violations)",
            "error: GH013: Repository rule violations found for refs/heads/main.",
            RejectKind::ProtectedBranch,
        ),
        (
            "[remote rejected] (pre-receive hook declined)",
            "GitLab: You are not allowed to push code to protected branches on this project.",
            RejectKind::ProtectedBranch,
        ),
        (
            "[remote rejected] (pre-receive hook declined)",
            "Gitea: Not allowed to push to protected branch main",
            RejectKind::ProtectedBranch,
        ),
        (
            "[remote rejected] (pre-receive hook declined)",
            "GitLab: You are not allowed to push code to this project.",
            RejectKind::Permission,
        ),
        (
            "[remote rejected] (deletion prohibited)",
            "",
            RejectKind::Other,
        ),
        (
            "[remote rejected] (branch is currently checked out)",
            "",
            RejectKind::Other,
        ),
        (
            "[remote rejected] (shallow update not allowed)",
            "",
            RejectKind::Other,
        ),
    ] {
        match outcome(reason, words) {
            PushOutcome::Rejected {
                kind: found,
                reason: kept,
                server_words,
            } => {
                assert_eq!(found, kind, "{reason} {words}");
                assert_eq!((kept.as_str(), server_words.as_str()), (reason, words));
            }
            other => panic!("{reason}: {other:?}"),
        }
    }
}

#[test]
fn troubles_are_known_by_their_words() {
    for (stderr, kind) in [
        (
            "fatal: could not read Username for 'https://h': terminal prompts disabled",
            Trouble::Access,
        ),
        (
            "fatal: Authentication failed for 'https://h/x/'",
            Trouble::Access,
        ),
        (
            "fatal: unable to access 'https://h/': The requested URL returned error: 403",
            Trouble::Access,
        ),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            Trouble::Access,
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
            Trouble::Access,
        ),
        (
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            Trouble::Access,
        ),
        (
            "fatal: unable to access 'https://h/': Could not resolve host: h",
            Trouble::Network,
        ),
        (
            "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
            Trouble::Network,
        ),
        (
            "fatal: '/gone' does not appear to be a git repository\nfatal: Could not read from remote repository.",
            Trouble::Network,
        ),
        (
            "fatal: the remote end hung up unexpectedly",
            Trouble::Network,
        ),
        ("fatal: write error: No space left on device", Trouble::Disk),
        (
            "fatal: couldn't find remote ref refs/heads/x",
            Trouble::NoSuchRef,
        ),
        (
            "fatal: mismatched algorithms: client sha1; server sha256",
            Trouble::ObjectFormat,
        ),
        (
            "error: object file .git/objects/aa/bb is empty",
            Trouble::Damage,
        ),
        (
            "fatal: loose object 1 (stored in x) is corrupt",
            Trouble::Damage,
        ),
        (
            "fatal: empty ident name (for <a@b>) not allowed",
            Trouble::Identity,
        ),
        ("fatal: something new", Trouble::Unknown),
    ] {
        assert_eq!(trouble(stderr), kind, "{stderr}");
    }
}

#[test]
fn the_line_that_says_why_is_kept() {
    for (stderr, words) in [
        (
            "remote: hm\nfatal: repository 'https://h/x/' not found\n",
            "repository 'https://h/x/' not found",
        ),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.",
            "git@h: Permission denied (publickey)",
        ),
        ("", "no words"),
        ("odd", "odd"),
    ] {
        assert_eq!(last_words(stderr), words);
    }
    assert_eq!(
        server_words("remote: no on friday        \nremote: \nTo /x\nremote: ask ops"),
        "no on friday\nask ops"
    );
}
