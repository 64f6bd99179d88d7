//! What every kind of records has to do for announcements.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::place::Place;
use crate::story::{alert, at, file};

pub(crate) fn events_are_filed_in_order_and_told_after_a_number_with_their_incident(place: &Place) {
    let mut records = place.open();
    assert_eq!(records.filed_after(0, 5).unwrap(), []);
    let events = [alert("c", 3, None), alert("a", 1, None)];
    file(&mut *records, &events);
    file(&mut *records, &[alert("b", 2, None), alert("a", 1, None)]);
    let all = records.filed_after(0, 5).unwrap();
    // In the order in which they were filed, and none twice.
    let ids: Vec<&str> = all.iter().map(|one| one.event.id.as_str()).collect();
    assert_eq!(ids, ["c/3/None", "a/1/None", "b/2/None"]);
    assert!(all.is_sorted_by(|one, next| one.number < next.number));
    assert_eq!(all[0].event, events[0]);
    let incident = &records.incidents(5).unwrap()[0].id;
    assert!(
        all.iter()
            .all(|one| one.incident.as_ref() == Some(incident))
    );
    assert_eq!(records.filed_after(all[0].number, 1).unwrap(), all[1..2]);
    assert_eq!(records.filed_after(all[2].number, 5).unwrap(), []);
}

pub(crate) fn a_target_that_is_new_begins_at_the_end_and_goes_on_where_it_was(place: &Place) {
    let mut records = place.open();
    assert_eq!(records.announced_to("early").unwrap(), 0);
    file(&mut *records, &[alert("a", 1, None)]);
    let last = records.filed_after(0, 5).unwrap()[0].number;
    assert_eq!(records.announced_to("late").unwrap(), last);
    assert_eq!(records.announced_to("early").unwrap(), 0);
    records.announce_after("early", last, at(0)).unwrap();
    // Another server may be behind.
    records.announce_after("early", 0, at(0)).unwrap();
    drop(records);
    assert_eq!(place.open().announced_to("early").unwrap(), last);
}

pub(crate) fn what_is_claimed_is_claimed_once_by_each_target_until_it_is_let_go_of(place: &Place) {
    let mut records = place.open();
    let odd = format!("\0'\u{1f525}{}", "k".repeat(9000));
    for key in ["key", odd.as_str()] {
        assert!(records.claim("slack", key, at(1)).unwrap());
        assert!(!records.claim("slack", key, at(2)).unwrap());
        assert!(records.claim("grafana", key, at(1)).unwrap());
    }
    drop(records);
    let mut again = place.open();
    assert!(!again.claim("slack", "key", at(1)).unwrap());
    again.disclaim("slack", "key").unwrap();
    assert!(!again.claim("grafana", "key", at(1)).unwrap());
    assert!(again.claim("slack", "key", at(1)).unwrap());
}

pub(crate) fn claims_of_long_ago_are_forgotten(place: &Place) {
    let mut records = place.open();
    records.announced_to("slack").unwrap();
    for (key, minute) in [("old", 1), ("new", 2)] {
        records.claim("slack", key, at(minute)).unwrap();
        records.claim("grafana", key, at(minute)).unwrap();
    }
    records.announce_after("slack", 7, at(2)).unwrap();
    assert!(records.claim("slack", "old", at(1)).unwrap());
    assert!(!records.claim("slack", "new", at(2)).unwrap());
    assert!(!records.claim("grafana", "old", at(1)).unwrap());
}

pub(crate) fn of_two_servers_that_claim_at_once_one_gets_each(place: &Place) {
    let got = Mutex::new(Vec::new());
    let server = || {
        let mut records = place.open();
        for number in 0..20 {
            if records
                .claim("slack", &format!("key-{number}"), at(1))
                .unwrap()
            {
                got.lock().unwrap().push(number);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(server);
        scope.spawn(server);
    });
    let got = got.into_inner().unwrap();
    assert_eq!(got.len(), 20);
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>().len(), 20);
}
