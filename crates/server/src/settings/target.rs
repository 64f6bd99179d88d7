//! Who is told, as it is written in the settings.

use ripcord_announce::{Secret, SlackChannel, Target};
use ripcord_domain::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Place, bad};

/// Somebody who is told of deploys, rollbacks, hotfixes and incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TargetSettings {
    /// Change events of PagerDuty, beside the incidents of a service.
    Pagerduty {
        /// The address of the Events API, where it is another one than `https://events.pagerduty.com`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Where the integration's routing key is.
        routing_key: Place,
    },
    /// CDEvents, as CloudEvents.
    Cdevents {
        /// The address of the broker.
        url: String,
        /// What ripcord is called in them. Default: `/ripcord`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// Where the token is that is sent as `Authorization: Bearer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Place>,
    },
    /// Messages of Slack: by a `webhook`, or by a `token` in a `channel`.
    Slack {
        /// Where the address of an incoming webhook is; it is a secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        webhook: Option<Place>,
        /// Where the token of an app is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Place>,
        /// The channel, by its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
    },
    /// Annotations of Grafana.
    Grafana {
        /// Where Grafana is.
        url: String,
        /// Where the token of a service account is.
        token: Place,
    },
}

impl TargetSettings {
    /// Who it is, with the secrets.
    pub(super) fn read(&self, name: &str) -> Result<Target, Problem> {
        let secret = |place: &Place| place.read().map(Secret::new);
        let web = |url: &str| {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            // It may have a password in it.
            let text = format!("`announce`: the address of `{name}` is none of the web");
            is_web.then(|| url.to_owned()).ok_or_else(|| bad(text))
        };
        Ok(match self {
            Self::Pagerduty { url, routing_key } => Target::Pagerduty {
                url: web(url.as_deref().unwrap_or(Target::PAGERDUTY))?,
                routing_key: secret(routing_key)?,
            },
            Self::Cdevents { url, source, token } => Target::Cdevents {
                url: web(url)?,
                source: source.clone().unwrap_or_else(|| "/ripcord".to_owned()),
                token: token.as_ref().map(secret).transpose()?,
            },
            Self::Slack {
                webhook,
                token,
                channel,
            } => Target::Slack(match (webhook, token, channel) {
                (Some(webhook), None, None) => {
                    SlackChannel::Webhook(Secret::new(web(&webhook.read()?)?))
                }
                (None, Some(token), Some(channel)) => SlackChannel::Api {
                    url: Target::SLACK.to_owned(),
                    token: secret(token)?,
                    channel: channel.clone(),
                },
                _ => {
                    let text = format!(
                        "`announce`: `{name}` needs a `webhook`, or a `token` with a `channel`"
                    );
                    return Err(bad(text));
                }
            }),
            Self::Grafana { url, token } => Target::Grafana {
                url: web(url)?,
                token: secret(token)?,
            },
        })
    }
}
