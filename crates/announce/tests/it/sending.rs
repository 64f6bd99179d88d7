//! What is sent again, when, and what is said of it.

use std::time::Duration;

use ripcord_announce::{Outcome, Outgoing, Secret, Sender, SlackChannel, Target};

use crate::bodies::deployed;
use crate::listener::{Listener, SECOND, Says};

/// A sender that waits hardly at all between tries.
fn sender() -> Sender {
    let mut sender = Sender::new().unwrap();
    sender.pause = Duration::from_millis(5);
    sender.limit = Duration::from_millis(300);
    sender.longest = Duration::from_secs(2);
    sender
}

fn pagerduty(listener: &Listener) -> Outgoing {
    let target = Target::Pagerduty {
        url: listener.address.clone(),
        routing_key: Secret::new("R0UTINGKEY"),
    };
    target.outgoing(&deployed()).unwrap()
}

fn slack(listener: &Listener, by_api: bool) -> Outgoing {
    let target = Target::Slack(if by_api {
        SlackChannel::Api {
            url: listener.address.clone(),
            token: Secret::new("xoxb-secret"),
            channel: "C1".to_owned(),
        }
    } else {
        SlackChannel::Webhook(Secret::new(format!(
            "{}/services/T/B/s3cr3t",
            listener.address
        )))
    });
    target.outgoing(&deployed()).unwrap()
}

async fn sent(answers: &[Says], make: impl Fn(&Listener) -> Outgoing) -> (Outcome, Listener) {
    let listener = Listener::begin(answers).await;
    let outcome = sender().send(&make(&listener)).await;
    (outcome, listener)
}

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Taken => "",
        Outcome::Refused { why } | Outcome::Later { why, .. } | Outcome::Unknown { why } => why,
    }
}

#[tokio::test]
async fn what_is_taken_is_sent_once() {
    let (outcome, listener) = sent(&[], pagerduty).await;
    assert_eq!(outcome, Outcome::Taken);
    let heard = listener.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].path, "/v2/change/enqueue");
    let kind = &heard[0].headers["content-type"];
    assert_eq!(kind, "application/json; charset=utf-8");
    let (outcome, listener) =
        sent(&[Says::Status(200, r#"{"ok":true}"#)], |at| slack(at, true)).await;
    assert_eq!(outcome, Outcome::Taken);
    let heard = listener.heard();
    assert_eq!(heard[0].path, "/chat.postMessage");
    assert_eq!(heard[0].headers["authorization"], "Bearer xoxb-secret");
}

#[tokio::test]
async fn who_says_too_often_is_left_alone_as_long_as_it_asks() {
    let answers = [Says::Wait(429, "1"), Says::Wait(503, "0")];
    let (outcome, listener) = sent(&answers, pagerduty).await;
    assert_eq!(outcome, Outcome::Taken);
    let heard = listener.heard();
    assert_eq!(heard.len(), 3);
    assert!(heard[1].at - heard[0].at >= SECOND);
    assert!(heard[2].at - heard[1].at < SECOND);
    // A try again is the same, byte for byte: its receiver can tell.
    assert!(heard.iter().all(|one| one.body == heard[0].body));
}

#[tokio::test]
async fn who_asks_for_more_patience_than_there_is_is_told_later() {
    let (outcome, listener) = sent(&[Says::Wait(429, "3600")], pagerduty).await;
    let Outcome::Later { after, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(after, Duration::from_hours(1));
    assert_eq!(listener.heard().len(), 1);
}

#[tokio::test]
async fn what_breaks_is_tried_again_and_not_for_ever() {
    let broken = Says::Status(500, "oops");
    let (outcome, listener) = sent(&[broken, broken], pagerduty).await;
    assert_eq!(outcome, Outcome::Taken);
    assert_eq!(listener.heard().len(), 3);
    let (outcome, listener) = sent(&[broken; 9], pagerduty).await;
    assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
    assert_eq!(listener.heard().len(), 4);
}

#[tokio::test]
async fn who_does_not_answer_is_asked_again_only_where_twice_is_once() {
    let (outcome, listener) = sent(&[Says::Nothing], pagerduty).await;
    assert_eq!(outcome, Outcome::Taken);
    assert_eq!(listener.heard().len(), 2);
    for by_api in [false, true] {
        let (outcome, listener) = sent(&[Says::Nothing], |at| slack(at, by_api)).await;
        assert!(
            why(&outcome).contains("does not answer in time"),
            "{outcome:?}"
        );
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
        assert_eq!(listener.heard().len(), 1);
        let (outcome, listener) = sent(&[Says::Status(500, "")], |at| slack(at, by_api)).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
        assert_eq!(listener.heard().len(), 1);
    }
}

#[tokio::test]
async fn what_is_wrong_is_not_sent_again_and_no_secret_is_in_the_reason() {
    let echo =
        r#"{"status":"invalid","message":"bad key R0UTINGKEY","errors":["R0UTINGKEY is unknown"]}"#;
    let (outcome, listener) = sent(&[Says::Status(400, echo)], pagerduty).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert!(
        why(&outcome).contains("answers 400: bad key ***: *** is unknown"),
        "{outcome:?}"
    );
    assert_eq!(listener.heard().len(), 1);
    for status in [301, 307, 401, 403, 404, 410] {
        let (outcome, _) = sent(&[Says::Status(status, "")], |at| slack(at, false)).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_slack_says_in_a_200_counts() {
    let ok = Says::Status(200, r#"{"ok":true,"ts":"1"}"#);
    let (outcome, _) = sent(&[ok], |at| slack(at, true)).await;
    assert_eq!(outcome, Outcome::Taken);
    let wrong = Says::Status(200, r#"{"ok":false,"error":"channel_not_found"}"#);
    let (outcome, listener) = sent(&[wrong], |at| slack(at, true)).await;
    assert!(why(&outcome).contains("channel_not_found"), "{outcome:?}");
    assert!(matches!(outcome, Outcome::Refused { .. }));
    assert_eq!(listener.heard().len(), 1);
    let often = Says::Status(200, r#"{"ok":false,"error":"ratelimited"}"#);
    let (outcome, listener) = sent(&[often, ok], |at| slack(at, true)).await;
    assert_eq!(outcome, Outcome::Taken);
    assert_eq!(listener.heard().len(), 2);
    let page = Says::Status(200, "<html>");
    let (outcome, _) = sent(&[page], |at| slack(at, true)).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    // A webhook of Slack's says `ok` without JSON.
    let (outcome, _) = sent(&[Says::Status(200, "ok")], |at| slack(at, false)).await;
    assert_eq!(outcome, Outcome::Taken);
}

#[tokio::test]
async fn who_is_not_there_is_tried_again_and_told_later() {
    // Bound and let go: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let target = Target::Slack(SlackChannel::Webhook(Secret::new(format!(
        "{url}/services/s3cr3t"
    ))));
    let outcome = sender().send(&target.outgoing(&deployed()).unwrap()).await;
    assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
    assert!(why(&outcome).contains("is not reached"), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
    let target = Target::Slack(SlackChannel::Webhook(Secret::new("no address s3cr3t")));
    let outcome = sender().send(&target.outgoing(&deployed()).unwrap()).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
}
