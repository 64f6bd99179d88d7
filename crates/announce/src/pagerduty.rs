//! Change events of PagerDuty (Events API version 2): what changed, beside the incidents of a service.

use serde_json::{Map, Value, json};

use crate::news::{News, What};
use crate::outgoing::{Outgoing, Secret};
use crate::target::{below, json as as_json};
use crate::words;

pub(crate) fn outgoing(news: &News, url: &str, routing_key: &Secret) -> Option<Outgoing> {
    // An incident is no change, and PagerDuty has its own.
    if matches!(news.what, What::Incident { .. }) {
        return None;
    }
    let mut details: Map<String, Value> = words::details(news)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    // PagerDuty knows no change event again; people do.
    details.insert("id".to_owned(), words::line(&news.key).into());
    let mut summary = words::headline(news);
    // PagerDuty refuses longer ones.
    if let Some((end, _)) = summary.char_indices().nth(1024) {
        summary.truncate(end);
    }
    let source = news.concern.as_ref();
    let source = source.map_or_else(
        || "ripcord".to_owned(),
        |concern| words::line(concern.service.as_str()),
    );
    let mut body = json!({
        "routing_key": routing_key.reveal(),
        "payload": {
            "summary": summary,
            "source": source,
            "timestamp": news.at.to_string(),
            "custom_details": details,
        },
    });
    if let Some(link) = words::link(news) {
        body["links"] = json!([{"href": link, "text": "details"}]);
    }
    let (body, kind) = as_json(&body);
    Some(Outgoing {
        url: below(url, "v2/change/enqueue"),
        headers: vec![kind],
        body,
        // Twice is once too often, never is worse: it is what explains an incident.
        is_known_again: true,
        says_ok: false,
        secrets: vec![routing_key.clone()],
    })
}
