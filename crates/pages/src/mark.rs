//! Marks of how something stands: a sign and a word, and a colour that adds nothing to them.

use maud::{Markup, html};
use ripcord_casebook::Health;
use ripcord_domain::incident::State;
use ripcord_domain::incident::report::DeployStage;
use ripcord_domain::recovery::Standing;

use crate::View;

#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Bad,
    Busy,
    Good,
    Dim,
}

/// A mark of words.
pub(crate) fn mark(tone: Tone, words: &str) -> Markup {
    mark_of(tone, &html! { (words) })
}

/// A mark. The sign is for the eye; the words say it all.
pub(crate) fn mark_of(tone: Tone, words: &Markup) -> Markup {
    let (class, sign) = match tone {
        Tone::Bad => ("mark bad", "▲"),
        Tone::Busy => ("mark busy", "◆"),
        Tone::Good => ("mark good", "●"),
        Tone::Dim => ("mark dim", "○"),
    };
    html! { span class=(class) { span aria-hidden="true" { (sign) " " } (words) } }
}

pub(crate) fn state(state: State) -> Markup {
    let tone = match state {
        State::Open => Tone::Bad,
        State::Acknowledged | State::Recovering => Tone::Busy,
        State::Quiet => Tone::Good,
        State::Closed => Tone::Dim,
    };
    mark(tone, state.word())
}

/// How a service does, and since when somebody knows. What nobody told is unknown.
pub(crate) fn health(view: &View<'_>, health: Health) -> Markup {
    match health {
        Health::Wrong { firing: true } => mark(Tone::Bad, "alert fires"),
        Health::Wrong { firing: false } => mark(Tone::Bad, "incident open"),
        Health::Unknown => mark(Tone::Dim, "health unknown"),
        Health::Told { stage, at } => {
            let (tone, words) = match stage {
                DeployStage::Healthy => (Tone::Good, "healthy"),
                DeployStage::Degraded => (Tone::Bad, "unhealthy"),
                DeployStage::Failed => (Tone::Bad, "deploy failed"),
                DeployStage::Aborted => (Tone::Busy, "rollout stopped"),
                DeployStage::Committed
                | DeployStage::Started
                | DeployStage::Serving
                | DeployStage::Synced => (Tone::Busy, "rolling out"),
            };
            html! { (mark(tone, words)) " " span.told { "told " (view.ago(at)) } }
        }
    }
}

pub(crate) fn standing(standing: Standing) -> Markup {
    let (tone, words) = match standing {
        Standing::Running => (Tone::Busy, "under way"),
        Standing::Restored => (Tone::Good, "done and holds"),
        Standing::Partial => (Tone::Bad, "half done"),
        Standing::Relapsed => (Tone::Bad, "undone: the bad version came back"),
        Standing::GaveWay => (Tone::Dim, "gave way to a later deploy"),
        Standing::Failed => (Tone::Bad, "failed, nothing was changed"),
    };
    mark(tone, words)
}
