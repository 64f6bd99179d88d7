//! Messages of Slack, as blocks. What other people wrote is in them as text: it makes no link, calls nobody, and is no
//! markup of Slack's.

use serde_json::{Value, json};

use crate::news::{Came, Change, HotfixStep, News, What};
use crate::outgoing::Outgoing;
use crate::target::{SlackChannel, bearer, below, json as as_json};
use crate::words;
use ripcord_domain::recovery::Standing;

pub(crate) fn outgoing(news: &News, channel: &SlackChannel) -> Outgoing {
    let mut body = message(news);
    match channel {
        SlackChannel::Webhook(url) => {
            let (body, kind) = as_json(&body);
            Outgoing {
                url: url.clone(),
                headers: vec![kind],
                body,
                // Slack takes the same message twice.
                is_known_again: false,
                says_ok: false,
                secrets: vec![url.clone()],
            }
        }
        SlackChannel::Api {
            url,
            token,
            channel,
        } => {
            body["channel"] = channel.as_str().into();
            let (body, kind) = as_json(&body);
            Outgoing {
                url: below(url, "chat.postMessage"),
                headers: vec![kind, bearer(token)],
                body,
                is_known_again: false,
                says_ok: true,
                secrets: vec![token.clone()],
            }
        }
    }
}

fn message(news: &News) -> Value {
    let headline = escaped(&words::headline(news));
    let mut context: Vec<String> = words::details(news)
        .into_iter()
        .filter(|(name, _)| matches!(*name, "subject" | "commit" | "missing" | "by"))
        .map(|(name, value)| format!("{name}: {}", escaped(&value)))
        .collect();
    context.push(time(news));
    if let Some(link) = words::link(news) {
        context.push(format!("<{}|details>", address(link)));
    }
    // `verbatim`: Slack looks for no links and names in the text.
    let text = |text: String| json!({"type": "mrkdwn", "text": text, "verbatim": true});
    json!({
        "text": headline,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [
            {"type": "section", "text": text(format!("{} {headline}", sign(&news.what)))},
            {"type": "context", "elements": [text(context.join("  ·  "))]},
        ],
    })
}

/// What kind of news it is, for those who run their eyes over a channel; the words say it too.
fn sign(what: &What) -> &'static str {
    match what {
        What::Deploy { came, .. } => match came {
            Came::Deployed => ":package:",
            Came::Healthy => ":white_check_mark:",
            Came::Aborted => ":no_entry:",
            Came::Failed | Came::Degraded => ":x:",
        },
        What::Rollback { standing, .. } => match standing {
            Standing::Running => ":rewind:",
            Standing::Restored => ":white_check_mark:",
            Standing::Partial | Standing::GaveWay => ":warning:",
            Standing::Relapsed | Standing::Failed => ":x:",
        },
        What::Hotfix { step, .. } => match step {
            HotfixStep::Begun | HotfixStep::Committed => ":adhesive_bandage:",
            HotfixStep::Ready => ":white_check_mark:",
        },
        What::Incident { change, .. } => match change {
            Change::Opened | Change::Reopened => ":rotating_light:",
            Change::Quiet => ":large_green_circle:",
            Change::Closed => ":white_check_mark:",
        },
    }
}

/// The instant in each reader's own time; in UTC where that cannot be shown.
fn time(news: &News) -> String {
    let at = news.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    format!(
        "<!date^{}^{{date_num}} {{time_secs}}|{at}>",
        news.at.as_second()
    )
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// An address in a link of Slack's.
fn address(link: &str) -> String {
    escaped(link).replace('|', "%7C")
}
