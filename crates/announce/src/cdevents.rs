//! CDEvents 0.5.1, as CloudEvents in structured mode: one body, whatever is in it. A broker knows an event again by its
//! source and id.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ripcord_domain::incident::event::SourceKind;
use ripcord_domain::recovery::Standing;
use serde_json::{Map, Value, json};

use crate::news::{Came, Change, News, What};
use crate::outgoing::{Outgoing, Secret};
use crate::target::bearer;
use crate::words;

/// The version of the specification.
const VERSION: &str = "0.5.1";

pub(crate) fn outgoing(
    news: &News,
    url: &str,
    source: &str,
    token: Option<&Secret>,
) -> Option<Outgoing> {
    // Who sends and receives by one broker would hear itself for ever.
    if news.from == Some(SourceKind::Cdevents) {
        return None;
    }
    let (kind, subject) = subject(news, source)?;
    let kind = format!("dev.cdevents.{kind}.0.3.0");
    let mut context = json!({
        "specversion": VERSION,
        "id": news.key,
        "source": source,
        "type": kind,
        "timestamp": news.at.to_string(),
    });
    if let Some(incident) = &news.incident {
        context["chainId"] = incident.as_str().into();
    }
    let custom: Map<String, Value> = words::details(news)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let body = json!({
        "specversion": "1.0",
        "id": news.key,
        "source": source,
        "type": kind,
        "time": news.at.to_string(),
        "subject": subject["id"],
        "datacontenttype": "application/json",
        "data": {
            "context": context,
            "subject": subject,
            "customData": custom,
            "customDataContentType": "application/json",
        },
    });
    let form = "application/cloudevents+json; charset=utf-8";
    let mut headers = vec![("content-type", Secret::new(form))];
    headers.extend(token.map(bearer));
    Some(Outgoing {
        url: Secret::new(url),
        headers,
        body: body.to_string().into_bytes(),
        is_known_again: true,
        says_ok: false,
        secrets: token.into_iter().cloned().collect(),
    })
}

/// The type, and the subject with its content; none for what CDEvents has no word for, or where what it demands is not
/// known.
fn subject(news: &News, source: &str) -> Option<(&'static str, Value)> {
    let concern = news.concern.as_ref()?;
    let (service, environment) = (concern.service.as_str(), concern.environment.as_str());
    let of_service = |version: &str| {
        json!({
            "id": service,
            "content": {"environment": {"id": environment}, "artifactId": purl(service, version)},
        })
    };
    match &news.what {
        What::Deploy {
            came: Came::Deployed,
            report,
        } => {
            let kind = match (report.is_rollback, &report.replaced) {
                (true, _) => "service.rolledback",
                (false, Some(_)) => "service.upgraded",
                (false, None) => "service.deployed",
            };
            let version = report.version.as_deref().or(report.commit.as_deref())?;
            Some((kind, of_service(version)))
        }
        What::Rollback {
            standing: Standing::Restored,
            report,
        } => Some(("service.rolledback", of_service(&report.to))),
        What::Incident {
            change,
            title,
            quiet,
            ..
        } => {
            let kind = match change {
                Change::Opened | Change::Reopened => "incident.detected",
                // The service was restored when nothing fired any more, not when somebody closed the incident.
                Change::Closed if quiet.is_some() => return None,
                Change::Quiet | Change::Closed => "incident.resolved",
            };
            let subject = json!({
                "id": news.incident.as_deref()?,
                "source": source,
                "content": {
                    "description": words::line(title),
                    "environment": {"id": environment},
                    "service": {"id": service},
                },
            });
            Some((kind, subject))
        }
        _ => None,
    }
}

/// What a purl's parts are written with.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// The package URL of a version: of an image its digest, or its tag; of anything else its name. The last of what comes
/// before a tag is no port: a port is followed by a path.
fn purl(service: &str, version: &str) -> String {
    if version.starts_with("pkg:") {
        return version.to_owned();
    }
    let part = |text: &str| utf8_percent_encode(text, PART).to_string();
    let (rest, digest) = match version.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (version, None),
    };
    let (repository, tag) = match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (rest, None),
    };
    let is_image = repository.contains('/') && (digest.is_some() || tag.is_some());
    if !is_image {
        return format!("pkg:generic/{}@{}", part(service), part(version));
    }
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let digest = digest.map(|digest| format!("@{}", part(digest)));
    let tag = tag.map(|tag| format!("&tag={}", part(tag)));
    format!(
        "pkg:oci/{}{}?repository_url={}{}",
        part(&name.to_lowercase()),
        digest.unwrap_or_default(),
        part(repository),
        tag.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::purl;

    #[test]
    fn a_version_is_a_package_url() {
        for (version, expected) in [
            (
                "registry.example:5000/shop/Pay:v2",
                "pkg:oci/pay?repository_url=registry.example%3A5000%2Fshop%2FPay&tag=v2",
            ),
            (
                "registry.example/pay:v2@sha256:00ff",
                "pkg:oci/pay@sha256%3A00ff?repository_url=registry.example%2Fpay&tag=v2",
            ),
            ("v2", "pkg:generic/pay@v2"),
            ("v2 <x>", "pkg:generic/pay@v2%20%3Cx%3E"),
            (
                "localhost:5000/pay",
                "pkg:generic/pay@localhost%3A5000%2Fpay",
            ),
            ("pkg:oci/pay@sha256%3A00", "pkg:oci/pay@sha256%3A00"),
        ] {
            assert_eq!(purl("pay", version), expected);
        }
    }
}
