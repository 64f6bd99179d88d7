//! What every kind of records has to do for those who are told.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ripcord_domain::incident::event::EventId;

use crate::place::Place;
use crate::story::{alert, at, file};

pub(crate) fn an_event_leads_to_the_incident_that_it_is_filed_under(place: &Place) {
    let mut records = place.open();
    let (first, other) = (alert("a", 0, Some(5)), alert("b", 100, Some(110)));
    file(&mut *records, std::slice::from_ref(&first));
    file(&mut *records, std::slice::from_ref(&other));
    let of = |records: &mut dyn ripcord_store::Records, id: &EventId| {
        records.incident_of(id).unwrap().map(|incident| incident.id)
    };
    let (one, two) = (of(&mut *records, &first.id), of(&mut *records, &other.id));
    assert!(one.is_some() && two.is_some() && one != two);
    // It turns out that they are one.
    file(&mut *records, &[alert("c", 4, Some(99))]);
    assert_eq!(of(&mut *records, &first.id), of(&mut *records, &other.id));
    let incident = records.incident_of(&other.id).unwrap();
    assert_eq!(incident, records.incidents(5).unwrap().pop());
    assert_eq!(of(&mut *records, &EventId::new("nobody's")), None);
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
    for (key, minute) in [("old", 1), ("new", 2)] {
        assert!(records.claim("slack", key, at(minute)).unwrap());
    }
    records.forget_claims(at(2)).unwrap();
    assert!(records.claim("slack", "old", at(1)).unwrap());
    assert!(!records.claim("slack", "new", at(2)).unwrap());
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
