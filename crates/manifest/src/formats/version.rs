//! Which texts are versions where a field alone does not say it.

/// Whether a git revision names one commit for good: a commit id or a tag. Branches and `HEAD`
/// move by themselves and declare nothing
/// (<https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/#git>).
///
/// Git cannot tell a tag from a branch by name, so this follows the habits: tags carry a number
/// with dots, branches with a number (`release-1.2`) stop at two parts.
pub(crate) fn is_fixed_revision(revision: &str) -> bool {
    if let Some(tag) = revision.strip_prefix("refs/tags/") {
        return !tag.is_empty();
    }
    if revision.starts_with("refs/") || revision.contains(char::is_whitespace) {
        return false;
    }
    if is_commit(revision) {
        return true;
    }
    let body = revision.strip_prefix('v').unwrap_or(revision);
    if let Some(parts) = leading_number(body) {
        return parts >= 2;
    }
    // `payments-v1.2.3`, `charts/payments/1.2.3`, `payments@1.2.3`
    revision.match_indices(['-', '/', '@', '_']).any(|(at, _)| {
        let rest = &revision[at + 1..];
        leading_number(rest.strip_prefix('v').unwrap_or(rest)).is_some_and(|parts| parts >= 3)
    })
}

/// Whether a value under a bare `tag` or `version` key looks like the tag of a release.
pub(crate) fn looks_like_version(value: &str) -> bool {
    let body = value.strip_prefix('v').unwrap_or(value);
    matches!(value, "latest" | "stable" | "edge" | "nightly")
        || body.starts_with(|c: char| c.is_ascii_digit()) && !value.contains(char::is_whitespace)
        || is_commit(value)
        || is_fixed_revision(value)
        // `main-3f2a9c1`, `sha-3f2a9c1`, `prod_20240102`
        || value.rsplit(['-', '_', '.']).next().is_some_and(|last| {
            last.len() >= 6
                && last.bytes().all(|b| b.is_ascii_hexdigit())
                && last.bytes().any(|b| b.is_ascii_digit())
        })
}

/// A full or abbreviated commit id.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        && (text.len() >= 40 || text.bytes().any(|b| b.is_ascii_digit()))
}

/// How many numbers, joined by dots, a text starts with; `None` when it starts with none or the
/// numbers run into a word.
fn leading_number(text: &str) -> Option<usize> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let numbers = text[..end].trim_end_matches('.');
    let clean = text[end..].starts_with(['-', '+', '_']) || end == text.len();
    let parts = numbers.split('.').filter(|part| !part.is_empty()).count();
    (parts > 0 && clean && numbers.starts_with(|c: char| c.is_ascii_digit())).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_no_version_and_a_tag_or_commit_is() {
        for version in [
            "v1.2.3",
            "1.2.3-rc.1",
            "v1.2",
            "payments-v1.2.3",
            "charts/payments/1.2.3",
            "refs/tags/stable",
            "3f2a9c1",
            "0123456789abcdef0123456789abcdef01234567",
        ] {
            assert!(is_fixed_revision(version), "{version}");
        }
        for branch in [
            "HEAD",
            "main",
            "master",
            "release-1.2",
            "refs/heads/1.2.3",
            "v1",
            "feature/x",
            "deadbeef",
            "",
        ] {
            assert!(!is_fixed_revision(branch), "{branch}");
        }
    }

    #[test]
    fn a_word_under_a_tag_key_is_no_version() {
        for version in [
            "latest",
            "1",
            "v2.0",
            "main-3f2a9c1",
            "20240102",
            "3f2a9c1d",
        ] {
            assert!(looks_like_version(version), "{version}");
        }
        for word in ["frontend", "team-a", "", "info"] {
            assert!(!looks_like_version(word), "{word}");
        }
    }
}
