//! Who is told, and how.

use serde_json::Value;

use crate::news::News;
use crate::outgoing::{Outgoing, Secret};
use crate::{cdevents, grafana, pagerduty, slack};

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Change events of PagerDuty, which page nobody and stand beside the incidents of the service.
    Pagerduty {
        /// The address of the Events API: [`Target::PAGERDUTY`], or the one of another region.
        url: String,
        /// The routing key of the integration.
        routing_key: Secret,
    },
    /// CDEvents 0.5.1, as CloudEvents in structured mode.
    Cdevents {
        /// The address of the broker.
        url: String,
        /// What ripcord is called there: a URI or a part of one, such as `/ripcord`.
        source: String,
        /// What is sent as `Authorization: Bearer`.
        token: Option<Secret>,
    },
    /// Messages in a channel of Slack.
    Slack(SlackChannel),
    /// Annotations of Grafana.
    Grafana {
        /// Where Grafana is.
        url: String,
        /// The token of a service account.
        token: Secret,
    },
}

/// A channel of Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlackChannel {
    /// By an incoming webhook, whose address is the secret.
    Webhook(Secret),
    /// By the Web API.
    Api {
        /// Where the API is: [`Target::SLACK`].
        url: String,
        /// The token of the app.
        token: Secret,
        /// The channel, by its id or name.
        channel: String,
    },
}

impl Target {
    /// PagerDuty's Events API; `https://events.eu.pagerduty.com` in the EU.
    pub const PAGERDUTY: &str = "https://events.pagerduty.com";
    /// Slack's Web API.
    pub const SLACK: &str = "https://slack.com/api";

    /// What is sent of news; none where this target is not told of such.
    pub fn outgoing(&self, news: &News) -> Option<Outgoing> {
        match self {
            Self::Pagerduty { url, routing_key } => pagerduty::outgoing(news, url, routing_key),
            Self::Cdevents { url, source, token } => {
                cdevents::outgoing(news, url, source, token.as_ref())
            }
            Self::Slack(channel) => Some(slack::outgoing(news, channel)),
            Self::Grafana { url, token } => grafana::outgoing(news, url, token),
        }
    }
}

/// A path below an address.
pub(crate) fn below(url: &str, path: &str) -> Secret {
    Secret::new(format!("{}/{path}", url.trim_end_matches('/')))
}

/// A header that says who one is.
pub(crate) fn bearer(token: &Secret) -> (&'static str, Secret) {
    let value = format!("Bearer {}", token.reveal());
    ("authorization", Secret::new(value))
}

/// JSON as bytes, and what it is.
pub(crate) fn json(body: &Value) -> (Vec<u8>, (&'static str, Secret)) {
    let kind = (
        "content-type",
        Secret::new("application/json; charset=utf-8"),
    );
    (body.to_string().into_bytes(), kind)
}
