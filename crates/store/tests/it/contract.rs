//! What every kind of records has to do.

use ripcord_domain::incident::State;
use ripcord_domain::incident::event::{EventId, Fact, IncidentId};
use ripcord_domain::incident::joining::Key;
use ripcord_store::{Accepted, Delivery, EventNumber, News, StoreError, filing};

use crate::place::Place;
use crate::story::{alert, at, delivery, file};

pub(crate) fn what_is_accepted_is_there_after_the_process_ended_and_told_twice_is_kept_once(
    place: &Place,
) {
    let mut records = place.open();
    let told = [delivery("one"), delivery("two"), delivery("one")];
    let accepted = records.accept(&told).unwrap();
    assert_eq!(accepted, [Accepted::New, Accepted::New, Accepted::Again]);
    drop(records);
    let mut again = place.open();
    let waiting: Vec<Delivery> = again
        .waiting(10)
        .unwrap()
        .into_iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(waiting, told[..2]);
}

pub(crate) fn what_was_understood_waits_no_more_and_a_retry_of_it_is_known(place: &Place) {
    let mut records = place.open();
    records.accept(&[delivery("one")]).unwrap();
    let (number, _) = records.waiting(1).unwrap().remove(0);
    let mut decided = filing::decide(&mut *records, vec![alert("a", 0, None)], || {
        IncidentId::new("i-1")
    })
    .unwrap();
    decided.understood.push(number);
    records.file(&decided).unwrap();
    assert!(records.waiting(1).unwrap().is_empty());
    assert_eq!(
        records.accept(&[delivery("one")]).unwrap(),
        [Accepted::Again]
    );
    assert!(records.waiting(1).unwrap().is_empty());
}

pub(crate) fn a_dead_letter_says_why_and_can_be_understood_once_more(place: &Place) {
    let mut records = place.open();
    records.accept(&[delivery("one")]).unwrap();
    let (number, _) = records.waiting(1).unwrap().remove(0);
    let dead = filing::Filing {
        dead: vec![(number, "no JSON".into())],
        ..filing::Filing::default()
    };
    records.file(&dead).unwrap();
    let letters = records.dead_letters(5).unwrap();
    assert_eq!((letters.len(), letters[0].why.as_str()), (1, "no JSON"));
    assert_eq!(letters[0].delivery, delivery("one"));
    assert_eq!(records.replay(&[number]).unwrap(), 1);
    assert_eq!(records.replay(&[number]).unwrap(), 0);
    assert_eq!(records.waiting(5).unwrap().len(), 1);
    assert!(records.dead_letters(5).unwrap().is_empty());
}

pub(crate) fn a_filing_that_was_decided_on_what_is_no_more_so_is_refused_as_a_whole(place: &Place) {
    let mut records = place.open();
    let one = filing::decide(&mut *records, vec![alert("a", 0, None)], || {
        IncidentId::new("i-1")
    })
    .unwrap();
    let two = filing::decide(&mut *records, vec![alert("b", 1, None)], || {
        IncidentId::new("i-2")
    })
    .unwrap();
    records.file(&one).unwrap();
    assert!(matches!(records.file(&two), Err(StoreError::Overtaken)));
    assert_eq!(records.incidents(5).unwrap().len(), 1);
    assert!(
        records
            .events_of(&IncidentId::new("i-2"))
            .unwrap()
            .is_empty()
    );
}

pub(crate) fn the_end_of_an_alert_finds_its_incident_and_a_second_telling_changes_nothing(
    place: &Place,
) {
    let mut records = place.open();
    file(&mut *records, &[alert("a", 0, None)]);
    file(
        &mut *records,
        &[alert("a", 0, Some(5)), alert("a", 0, None)],
    );
    let incidents = records.incidents(5).unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].state(), State::Quiet);
    assert_eq!(records.events_of(&incidents[0].id).unwrap().len(), 2);
}

pub(crate) fn an_incident_that_turned_out_to_be_another_is_found_there_with_its_events(
    place: &Place,
) {
    let mut records = place.open();
    file(&mut *records, &[alert("a", 0, Some(5))]);
    file(&mut *records, &[alert("b", 100, Some(110))]);
    let apart = records.incidents(5).unwrap();
    assert_eq!(apart.len(), 2);
    let gone = &apart[0].id;
    file(&mut *records, &[alert("c", 4, Some(99))]);
    let one = records.incidents(5).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(records.events_of(&one[0].id).unwrap().len(), 3);
    let key = [Key::name(gone.as_str())];
    let found = records.known(&key.into()).unwrap();
    assert_eq!(found, one);
}

pub(crate) fn three_alerts_in_one_filing_of_which_the_last_joins_the_others_are_one_incident(
    place: &Place,
) {
    let mut records = place.open();
    let events = [
        alert("a", 0, Some(5)),
        alert("b", 100, Some(110)),
        alert("c", 4, Some(99)),
    ];
    file(&mut *records, &events);
    let one = records.incidents(5).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(records.events_of(&one[0].id).unwrap().len(), 3);
}

pub(crate) fn a_note_that_came_in_before_its_incident_belongs_to_it_afterwards(place: &Place) {
    let mut records = place.open();
    let meant = IncidentId::new("i-laptop");
    let mut note = alert("a", 0, None);
    note.id = EventId::new("note");
    note.incident = Some(meant.clone());
    note.fact = Fact::Named {
        name: "INC-7".into(),
    };
    file(&mut *records, &[note]);
    assert!(records.incidents(5).unwrap().is_empty());
    let mut first = alert("a", 0, None);
    first.incident = Some(meant.clone());
    file(&mut *records, &[first]);
    assert_eq!(records.events_of(&meant).unwrap().len(), 2);
    let incidents = records.incidents(5).unwrap();
    assert!(incidents[0].names.contains("INC-7"));
}

pub(crate) fn what_another_system_named_with_any_character_and_length_is_kept_and_found(
    place: &Place,
) {
    let mut records = place.open();
    // Not compressible, and longer than what a page of an index holds.
    let long: String = (0..20_000_u32)
        .filter_map(|n| char::from_u32(0x4e00 + n.wrapping_mul(2_654_435_761) % 20_000))
        .collect();
    let odd = format!("\0'\u{1f525}{long}");
    let told = Delivery {
        key: odd.clone(),
        ..delivery("one")
    };
    let one = std::slice::from_ref(&told);
    assert_eq!(records.accept(one).unwrap(), [Accepted::New]);
    assert_eq!(records.accept(one).unwrap(), [Accepted::Again]);
    let (number, kept) = records.waiting(1).unwrap().remove(0);
    assert_eq!(kept, told);
    let mut first = alert(&odd, 0, None);
    first.incident = Some(IncidentId::new(odd.clone()));
    let mut decided = filing::decide(&mut *records, vec![first], || IncidentId::new("i")).unwrap();
    decided.dead.push((number, odd.clone()));
    records.file(&decided).unwrap();
    assert_eq!(records.dead_letters(1).unwrap()[0].why, odd);
    let found = records.known(&[Key::name(&odd)].into()).unwrap();
    assert_eq!(found, records.incidents(2).unwrap());
    let again = records.events_of(&IncidentId::new(odd)).unwrap();
    assert_eq!(records.told(&again).unwrap().len(), 1);
}

pub(crate) fn events_are_told_oldest_first_and_those_of_production_between_two_instants(
    place: &Place,
) {
    let mut records = place.open();
    let nobodys = |name: &str, minute| {
        let mut event = alert(name, minute, None);
        event.fact = Fact::Named { name: name.into() };
        event
    };
    let decided = filing::Filing {
        events: [("c", 3), ("b", 2), ("a", 2), ("d", 9)]
            .map(|(name, minute)| (None, nobodys(name, minute)))
            .into(),
        ..filing::Filing::default()
    };
    records.file(&decided).unwrap();
    let told = records.events_of_production(at(2), at(3)).unwrap();
    let ids: Vec<&str> = told.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["a/2/None", "b/2/None", "c/3/None"]);
}

pub(crate) fn news_are_what_was_told_after_what_was_known_before(place: &Place) {
    let mut records = place.open();
    assert_eq!(records.news(EventNumber(0)).unwrap(), News::default());
    file(&mut *records, &[alert("a", 0, None)]);
    let first = records.news(EventNumber(0)).unwrap();
    let a = records.incidents(5).unwrap().remove(0).id;
    assert_eq!(first.incidents, [a.clone()].into());
    assert!(!first.production);
    assert_eq!(
        records.news(first.latest).unwrap(),
        News {
            latest: first.latest,
            ..News::default()
        }
    );
    file(&mut *place.open(), &[alert("a", 0, Some(5))]);
    let mut deploy = alert("d", 6, None);
    deploy.fact = Fact::Other {
        summary: "a deploy".into(),
        details: std::collections::BTreeMap::new(),
    };
    file(&mut *records, &[deploy]);
    let second = records.news(first.latest).unwrap();
    assert!(second.latest > first.latest && second.production);
    assert_eq!(second.incidents, [a].into());
}

pub(crate) fn two_servers_that_start_and_file_at_once_come_to_what_one_comes_to(place: &Place) {
    let server = |mine: i64| {
        let mut records = place.open();
        for minute in 0..10 {
            // Each tells half of its own and all of what both know, as two that both get a page do.
            let events = [
                alert(&format!("own-{mine}"), minute, None),
                alert("both", minute, None),
            ];
            let keys = [format!("{mine}-{minute}"), format!("both-{minute}")];
            records.accept(&keys.map(|key| delivery(&key))).unwrap();
            loop {
                let fresh = || IncidentId::new(format!("i-{mine}-{minute}"));
                let decided = filing::decide(&mut *records, events.to_vec(), fresh).unwrap();
                let filed = records.file(&decided);
                if !matches!(filed, Err(StoreError::Overtaken)) {
                    break filed.unwrap();
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| server(1));
        scope.spawn(|| server(2));
    });
    let mut records = place.open();
    assert_eq!(records.waiting(100).unwrap().len(), 30);
    let incidents = records.incidents(100).unwrap();
    let events: usize = incidents
        .iter()
        .map(|one| records.events_of(&one.id).unwrap().len())
        .sum();
    assert_eq!(events, 30);
    assert_eq!(incidents.len(), 1, "all are of one service at one time");
}

pub(crate) fn who_passes_events_on_sees_each_once_in_the_order_of_filing(place: &Place) {
    let mut records = place.open();
    // Filed later, observed earlier: it must not be missed.
    for (name, minute) in [("late", 9), ("early", 2), ("early", 2), ("last", 5)] {
        file(&mut *records, &[alert(name, minute, None)]);
    }
    let mut seen = Vec::new();
    loop {
        let from = records.passed_on("announcer").unwrap();
        let next = records.events_after(from, 2).unwrap();
        let Some((last, _)) = next.last() else { break };
        seen.extend(next.iter().map(|(_, event)| event.id.to_string()));
        records.pass_on("announcer", *last).unwrap();
        drop(records);
        records = place.open();
    }
    assert_eq!(seen, ["late/9/None", "early/2/None", "last/5/None"]);
    let beginning = records.passed_on("another").unwrap();
    assert_eq!(beginning, EventNumber(0), "each has its own place");
}

pub(crate) fn who_passes_events_on_never_goes_back(place: &Place) {
    let mut records = place.open();
    records.pass_on("announcer", EventNumber(7)).unwrap();
    records.pass_on("announcer", EventNumber(3)).unwrap();
    assert_eq!(records.passed_on("announcer").unwrap(), EventNumber(7));
}
