//! Annotations of Grafana: a mark, or a span from begin to end, on every graph that asks for its tags.

use serde_json::json;

use crate::news::{Came, Change, News, What};
use crate::outgoing::{Outgoing, Secret};
use crate::target::{bearer, below, json as as_json};
use crate::words;

pub(crate) fn outgoing(news: &News, url: &str, token: &Secret) -> Option<Outgoing> {
    let (kind, since) = match &news.what {
        // That it is healthy is seen on the graph. An incident ends when nothing fires any more, where that is known, and
        // else when it is closed.
        What::Deploy {
            came: Came::Healthy,
            ..
        }
        | What::Incident {
            change: Change::Closed,
            quiet: Some(_),
            ..
        } => return None,
        What::Deploy { report, .. } if report.is_rollback => ("rollback", None),
        What::Deploy { .. } => ("deploy", None),
        What::Rollback { report, .. } => ("rollback", Some(report.started)),
        What::Hotfix { .. } => ("hotfix", None),
        What::Incident {
            change: Change::Quiet | Change::Closed,
            began,
            ..
        } => ("incident", *began),
        What::Incident { .. } => ("incident", None),
    };
    let mut tags = vec!["ripcord".to_owned(), kind.to_owned()];
    if let Some(concern) = &news.concern {
        tags.push(format!("service:{}", words::line(concern.service.as_str())));
        let environment = words::line(concern.environment.as_str());
        tags.push(format!("environment:{environment}"));
    }
    if let Some(incident) = &news.incident {
        tags.push(format!("incident:{}", words::line(incident)));
    }
    let mut text = escaped(&words::headline(news));
    if let Some(link) = words::link(news) {
        text = format!("{text}\n<a href=\"{}\">details</a>", escaped(link));
    }
    let since = since.filter(|since| *since < news.at);
    let mut body = json!({
        "time": since.unwrap_or(news.at).as_millisecond(),
        "tags": tags,
        "text": text,
    });
    if since.is_some() {
        body["timeEnd"] = news.at.as_millisecond().into();
    }
    let (body, form) = as_json(&body);
    Some(Outgoing {
        url: below(url, "api/annotations"),
        headers: vec![form, bearer(token)],
        body,
        is_known_again: false,
        says_ok: false,
        secrets: vec![token.clone()],
    })
}

/// Grafana shows the text as HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
