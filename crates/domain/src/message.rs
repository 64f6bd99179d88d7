//! Commit messages: reading what others' say, writing ours.

use crate::config::CommitTemplates;
use crate::timeline::Claim;

/// What ripcord writes under a commit that it makes, as trailers.
pub mod trailer {
    /// The deploy that is taken back; one for each.
    pub const ROLLBACK_OF: &str = "Rollback-Of";
    /// The version before; one for each service.
    pub const FROM: &str = "Rollback-From";
    /// The version after; one for each service.
    pub const TO: &str = "Rollback-To";
    /// The rollback that an undo takes back.
    pub const UNDO_OF: &str = "Undo-Of";
    /// The service; one for each.
    pub const SERVICE: &str = "Service";
    /// The environment; one for each service.
    pub const ENVIRONMENT: &str = "Environment";
    /// Why.
    pub const REASON: &str = "Reason";
    /// The incident.
    pub const INCIDENT: &str = "Incident";
    /// Who asked.
    pub const REQUESTED_BY: &str = "Requested-By";
    /// The recovery that it is a part of.
    pub const RECOVERY: &str = "Recovery";
    /// The request that a deploy carries out: the same again is the same deploy.
    pub const CORRELATION_ID: &str = "Correlation-Id";
    /// The hotfix that is deployed.
    pub const HOTFIX: &str = "Hotfix";
    /// A hotfix that the commit takes out of production on purpose.
    pub const DROPS_HOTFIX: &str = "Drops-Hotfix";
    /// The commit that the image was built of.
    pub const SOURCE_COMMIT: &str = "Source-Commit";
    /// The repository of that commit.
    pub const SOURCE_REPOSITORY: &str = "Source-Repository";
    /// The SHA-256 of the gate's record.
    pub const GATE_RECORD: &str = "Gate-Record";
    /// The digest that was deployed.
    pub const IMAGE_DIGEST: &str = "Image-Digest";
    /// Which ripcord wrote it.
    pub const VERSION: &str = "Ripcord-Version";
}

/// What a message claims to be.
pub fn claim(message: &str, trailers: &[(String, String)]) -> Claim {
    let has = |key: &str| trailers.iter().any(|(k, _)| k.eq_ignore_ascii_case(key));
    if has(trailer::UNDO_OF) {
        return Claim::Undo;
    }
    if has(trailer::ROLLBACK_OF) || has(trailer::TO) {
        return Claim::Rollback;
    }
    let subject = message.lines().next().unwrap_or_default();
    if subject.starts_with("Reapply \"") || subject.starts_with("Revert \"Revert \"") {
        return Claim::Reapply;
    }
    if subject.starts_with("Revert \"") || message.contains("\nThis reverts commit ") {
        return Claim::Revert;
    }
    Claim::None
}

/// The pull or merge request that a message names: `(#12)` at the end of the subject, GitHub's
/// `Merge pull request #12`, GitLab's `See merge request group/project!12`.
pub fn pull_request(message: &str) -> Option<String> {
    let subject = message.lines().next().unwrap_or_default();
    let digits = |text: &str| {
        text.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    let found = |mark: char, text: &str| {
        let number = digits(text);
        (!number.is_empty()).then(|| format!("{mark}{number}"))
    };
    if let Some(rest) = subject.strip_prefix("Merge pull request #") {
        return found('#', rest);
    }
    if let Some((_, rest)) = subject.rsplit_once("(#")
        && rest.ends_with(')')
    {
        return found('#', rest);
    }
    message
        .lines()
        .find_map(|line| line.strip_prefix("See merge request "))
        .and_then(|rest| rest.rsplit_once('!'))
        .and_then(|(_, number)| found('!', number))
}

/// One service's move, for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
}

/// The subject line for these moves, which are not empty.
pub fn subject(templates: &CommitTemplates, undo: bool, moves: &[Move]) -> String {
    let template = match (undo, moves) {
        (true, _) => &templates.undo,
        (false, [_]) => &templates.rollback,
        (false, _) => &templates.fleet,
    };
    let list = |get: fn(&Move) -> &str| {
        let mut names: Vec<&str> = moves.iter().map(get).collect();
        names.dedup();
        match names.as_slice() {
            [a, b, c, _, ..] => format!("{a}, {b}, {c} and {} more", names.len() - 3),
            few => few.join(", "),
        }
    };
    let line = template
        .replace("{count}", &moves.len().to_string())
        .replace("{service}", &list(|m| &m.service))
        .replace("{environment}", &list(|m| &m.environment))
        .replace("{from}", &short_digests(&list(|m| &m.from)))
        .replace("{to}", &short_digests(&list(|m| &m.to)));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first ten digits of a commit: enough for a person to tell it from others.
pub fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// A subject is read at a glance: twelve digits tell digests apart, the trailers have all of them.
pub fn short_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        short.push_str("sha256:");
        short.push_str(&part[..digits.min(12)]);
        short.push_str(&part[digits..]);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mv(service: &str) -> Move {
        Move {
            service: service.into(),
            environment: "production".into(),
            from: "v2".into(),
            to: "v1".into(),
        }
    }

    #[test]
    fn what_stands_behind_a_long_digest_is_kept() {
        let digest = "sha256:4d0ccca1d151f860b3f469c60df78bf1ab798f15e88dc1912d31d6741653eb99";
        assert_eq!(
            short_digests(&format!("1.2@{digest} (chart 5.1.0)")),
            "1.2@sha256:4d0ccca1d151 (chart 5.1.0)"
        );
    }

    #[test]
    fn the_subject_reads_like_a_deploy_of_the_good_version() {
        let templates = CommitTemplates::default();
        assert_eq!(
            subject(&templates, false, &[mv("payments-service")]),
            "deploy: payments-service v1 to production (rollback from v2)"
        );
        let many: Vec<Move> = ["a", "b", "c", "d", "e"].map(mv).to_vec();
        assert_eq!(
            subject(&templates, false, &many),
            "deploy: roll back 5 services in production: a, b, c and 2 more"
        );
    }

    #[test]
    fn a_digest_is_short_in_the_subject() {
        let digest = format!("1.2@sha256:{}", "ab".repeat(32));
        let moved = Move {
            to: digest,
            ..mv("pay")
        };
        assert_eq!(
            subject(&CommitTemplates::default(), false, &[moved]),
            "deploy: pay 1.2@sha256:abababababab to production (rollback from v2)"
        );
    }

    #[test]
    fn claims_are_read_from_trailers_and_from_git_reverts() {
        let none: &[(String, String)] = &[];
        assert_eq!(
            claim("Revert \"deploy: a\"\n\nThis reverts commit 12.\n", none),
            Claim::Revert
        );
        assert_eq!(
            claim("Reapply \"deploy: a\"\n\nThis reverts commit 12.\n", none),
            Claim::Reapply
        );
        assert_eq!(
            claim("Revert \"Revert \"deploy: a\"\"\n", none),
            Claim::Reapply
        );
        assert_eq!(
            claim(
                "deploy: a",
                &[
                    ("Undo-Of".into(), "1".into()),
                    ("Rollback-To".into(), "v".into())
                ]
            ),
            Claim::Undo
        );
        assert_eq!(
            claim("deploy: a", &[("rollback-of".into(), "1".into())]),
            Claim::Rollback
        );
        assert_eq!(claim("notes on how to Revert \"x\"", none), Claim::None);
    }

    #[test]
    fn pull_requests_are_found_where_forges_write_them() {
        assert_eq!(pull_request("deploy: a v2 (#12)").as_deref(), Some("#12"));
        assert_eq!(
            pull_request("Merge pull request #7 from acme/x\n\nbump").as_deref(),
            Some("#7")
        );
        assert_eq!(
            pull_request("Merge branch 'x'\n\nSee merge request acme/infra!99\n").as_deref(),
            Some("!99")
        );
        assert_eq!(pull_request("fix (#a)"), None);
    }
}
