//! What messages say about reverts: a clue, never a proof.

use ripcord_domain::problem::Problem;
use ripcord_git::Oid;

use crate::branch::Lines;
use crate::problems::from_repo;

/// A commit that says that it reverts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The commit that says so.
    pub(crate) by: Oid,
    /// What it says that it reverts.
    pub(crate) of: Oid,
    /// The parent of a merge that it says to go back to.
    pub(crate) mainline: Option<Oid>,
}

/// What the commits since the branch began say, newest first; the branch's own among them.
pub(crate) fn claims(lines: &Lines<'_>) -> Result<Vec<Claim>, Problem> {
    let mut found = Vec::new();
    let single = |parents: &[Oid]| parents.len() < 2;
    let commits = lines.since.iter().chain(&lines.own);
    for node in commits.filter(|node| single(&node.parents)) {
        let message = lines.repo.commit(node.commit).map_err(from_repo)?.message;
        for (of, mainline) in said(&message) {
            let known = |text: &str| {
                let mut ids = lines.nodes.keys().filter(|id| starts(**id, text));
                let first = ids.next().copied();
                first.filter(|_| ids.next().is_none())
            };
            if let Some(of) = known(&of) {
                found.push(Claim {
                    by: node.commit,
                    of,
                    mainline: mainline.and_then(|text| text.parse().ok().or_else(|| known(&text))),
                });
            }
        }
    }
    Ok(found)
}

/// The whole ids that a message says to revert.
pub(crate) fn reverted_ids(message: &str) -> Vec<Oid> {
    let said = said(message).into_iter();
    said.filter_map(|(of, _)| of.parse().ok()).collect()
}

fn starts(id: Oid, text: &str) -> bool {
    id.to_string().starts_with(text)
}

/// The ids in git's `This reverts commit ID.` and `This reverts commit ID, reversing changes made to
/// ID.`, which may be broken at any space.
fn said(message: &str) -> Vec<(String, Option<String>)> {
    const REVERTS: &str = "This reverts commit ";
    const REVERSING: &str = ", reversing changes made to ";

    let text = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once(REVERTS) {
        let (of, tail) = hex(after);
        rest = tail;
        if of.len() < 7 {
            continue;
        }
        let mainline = tail
            .strip_prefix(REVERSING)
            .map(|tail| hex(tail).0.to_owned())
            .filter(|id| id.len() >= 7);
        found.push((of.to_ascii_lowercase(), mainline));
    }
    found
}

fn hex(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_git_are_understood() {
        let a = "a".repeat(40);
        let b = "b".repeat(40);
        assert_eq!(
            said(&format!("Revert \"x\"\n\nThis reverts commit {a}.\n")),
            [(a.clone(), None)]
        );
        assert_eq!(
            said(&format!(
                "Revert \"Merge\"\n\nThis reverts commit {a}, reversing\nchanges made to {b}.\n"
            )),
            [(a.clone(), Some(b.clone()))]
        );
        assert_eq!(
            said(&format!(
                "two\n\n* This reverts commit {a}.\n\n* This reverts commit {b}.\n"
            )),
            [(a, None), (b, None)]
        );
        assert!(said("This reverts commit abc. This reverts commit nothing").is_empty());
        assert!(said("it reverts nothing").is_empty());
    }
}
