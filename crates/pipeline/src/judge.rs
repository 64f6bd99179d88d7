//! What a CI file must not do, whoever wrote it.
//!
//! Files that have nothing to do with hotfixes are nobody's business here: they are not judged at all.

mod actions;
mod blocking;
mod gitlab;
mod hotfix;
mod receiver;
mod workflow;

use ripcord_domain::config::Forge;
use ripcord_manifest::yaml::Stream;

use crate::document::View;
use crate::finding::{Finding, Rule};

/// The findings of one file, in the order of its lines; none for a file that neither runs ripcord nor ships a hotfix.
pub fn judge(forge: Forge, path: &str, text: &str) -> Vec<Finding> {
    let stream = Stream::parse(text);
    let view = match View::of(&stream, text) {
        Ok(view) => view,
        Err((line, why)) => {
            let sentence = format!("the file cannot be read: {why}");
            return vec![Finding::new(path, line, Rule::Unreadable, sentence)];
        }
    };
    let mut findings = match forge {
        Forge::Gitlab => gitlab::judge(&view, path),
        Forge::Github | Forge::Gitea => actions::judge(&view, path),
    };
    findings.sort();
    findings.dedup();
    findings
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It takes a hotfix to production.
    Hotfix,
    /// It takes a deploy into the infra repo.
    Receiver,
    /// It runs ripcord for something else.
    Other,
}
