//! Labels of a PagerDuty incident: its webhook has none, so its alerts are asked for. Asking is done elsewhere and
//! may fail; an incident without labels is an incident all the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wording;

/// Alerts of one incident that are looked at.
const MOST_ALERTS: usize = 100;
/// Labels that are kept.
const MOST_LABELS: usize = 64;

/// The path, with its query, of the REST call for an incident's alerts; none for what is no id, which must not
/// become part of an address.
pub fn request(incident: &str) -> Option<String> {
    let is_id = !incident.is_empty()
        && incident.len() <= 64
        && incident.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| format!("/incidents/{incident}/alerts?limit={MOST_ALERTS}"))
}

/// The labels that the answer tells. Only those count on which all alerts that have them agree: what differs is
/// of one alert and not of the incident. Details may be an object, or JSON in a text.
pub fn understand(answer: &Value) -> BTreeMap<String, String> {
    let mut agreed: BTreeMap<String, Option<String>> = BTreeMap::new();
    let alerts = answer.get("alerts").and_then(Value::as_array);
    for alert in alerts.into_iter().flatten().take(MOST_ALERTS) {
        for (name, value) in details(alert) {
            let known = agreed.entry(name).or_insert_with(|| Some(value.clone()));
            if known.as_ref() != Some(&value) {
                *known = None;
            }
        }
    }
    let labels = agreed
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    labels.take(MOST_LABELS).collect()
}

fn details(alert: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for pointer in ["/body/cef_details/details", "/body/details"] {
        match alert.pointer(pointer) {
            Some(Value::String(text)) => {
                let parsed = serde_json::from_str(text).unwrap_or(Value::Null);
                found.extend(wording::labels(&parsed, ""));
            }
            Some(details) => found.extend(wording::labels(details, "")),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_id_becomes_part_of_an_address() {
        assert_eq!(
            request("PT4KHLK").as_deref(),
            Some("/incidents/PT4KHLK/alerts?limit=100")
        );
        for wrong in ["", "../users", "P?x=1", "P/x", "P\r\nX: y", &"P".repeat(65)] {
            assert_eq!(request(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn details_are_an_object_or_json_in_a_text() {
        let answer = json!({"alerts": [
            {"body": {"details": {"service": "pay", "pod": "p-1", "depth": {"x": 1}}}},
            {"body": {"cef_details": {"details": "{\"service\":\"pay\",\"pod\":\"p-2\",\"env\":\"staging\"}"}}},
            {"body": {"details": "free words"}},
        ]});
        let labels = understand(&answer);
        let expected = [("env", "staging"), ("service", "pay")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(labels, expected.into());
        assert!(understand(&json!({"error": {"code": 2006}})).is_empty());
    }

    proptest! {
        #[test]
        fn no_details_make_it_panic_or_grow(text in ".*", count in 0..200_usize) {
            let one = |n: usize| json!({"body": {"details": {format!("{text}{n}"): "x".repeat(3000)}}});
            let answer = json!({"alerts": (0..count).map(one).collect::<Vec<_>>()});
            let labels = understand(&answer);
            prop_assert!(labels.len() <= MOST_LABELS);
            prop_assert!(labels.values().all(|value| value.len() <= 1024));
            understand(&json!({"alerts": [{"body": {"details": text}}]}));
        }
    }
}
