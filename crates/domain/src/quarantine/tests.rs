//! The file's form, hostile input, what counts as the same version.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn value(role: &str, value: &str) -> Value {
    Value {
        role: role.into(),
        value: value.into(),
    }
}

fn entry(version: &str) -> Entry {
    Entry {
        environment: Environment::new("production"),
        subject: "ghcr.io/acme/payments".into(),
        version: version.into(),
        values: vec![value("tag", version)],
        since: at("2026-11-20T17:15:00Z"),
        until: at("2026-12-04T17:15:00Z"),
        reason: Some("payments fail: \"500\"".into()),
        incident: Some("INC-7".into()),
        by: Some("Zoë".into()),
    }
}

fn payments(entries: Vec<Entry>) -> Quarantine {
    Quarantine {
        service: Service::new("payments"),
        entries,
    }
}

const PATH: &str = ".ripcord/quarantine/payments.quarantine";

#[test]
fn the_file_reads_like_this() {
    let text = payments(vec![entry("2.0.0")]).text();
    let expected = r#"# Versions of payments that must not be deployed; `ripcord guard` refuses changes that do.
# Kept by ripcord. To allow one again: ripcord quarantine lift SERVICE VERSION ENV --reason '…'
schema: 1
service: payments
entries:
  - environment: production
    subject: ghcr.io/acme/payments
    version: "2.0.0"
    values:
      - role: tag
        value: "2.0.0"
    since: 2026-11-20T17:15:00Z
    until: 2026-12-04T17:15:00Z
    reason: "payments fail: \"500\""
    incident: INC-7
    by: "Zoë"
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_version_that_looks_like_a_number_stays_as_a_person_wrote_it() {
    let text = "schema: 1\nservice: payments\nentries:\n- environment: production\n  version: 1.10\n  \
                since: 2026-11-20T17:15:00Z\n  until: 2026-12-04T17:15:00Z\n";
    let read = Quarantine::parse(PATH, text.as_bytes()).unwrap();
    assert_eq!(read.entries[0].version, "1.10");
    assert!(read.entries[0].is_of(&Environment::new("prod"), "", &[value("tag", "1.10")]));
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_line() {
    let text = payments(vec![entry("v2")]).text();
    for (wrong, word) in [
        (text.replace("until:", "till:"), "till"),
        (
            text.replace("until: 2026-12-04T17:15:00Z", "until: soon"),
            "13",
        ),
        (text.replace("schema: 1", "schema: 2"), "schema is 2"),
        (
            text.replace("service: payments", "service: cart"),
            "cart.quarantine",
        ),
        (text.replace("version: v2", "version: ''"), "entry 1"),
        (
            text.replace("version: v2", "version: v2\n    version: v3"),
            "9",
        ),
        (text.replace("entries:", "entries"), "5"),
        (String::new(), "cannot be read"),
        ("a: &a [*a]".into(), "cannot be read"),
    ] {
        let problem = Quarantine::parse(PATH, wrong.as_bytes()).unwrap_err();
        assert_eq!(problem.kind, Kind::Local, "{wrong}");
        assert!(
            problem.message.contains(PATH) && problem.message.contains(word),
            "{word}: {}",
            problem.message
        );
    }
    let problem = Quarantine::parse(PATH, b"schema: 1\n\xff").unwrap_err();
    assert!(problem.message.contains("line 2"), "{}", problem.message);
}

#[test]
fn a_version_is_the_same_by_digest_if_both_have_one_and_else_by_its_name() {
    let production = Environment::new("production");
    let is =
        |entry: &Entry, subject: &str, values: &[Value]| entry.is_of(&production, subject, values);
    let image = "ghcr.io/acme/payments";
    let by_tag = entry("2.0");
    assert!(is(&by_tag, image, &[value("tag", "2.0")]));
    assert!(is(
        &by_tag,
        image,
        &[value("image", "ghcr.io/acme/payments:2.0")]
    ));
    assert!(is(
        &by_tag,
        image,
        &[value(
            "image",
            "payments=ghcr.io:443/payments:2.0@sha256:aa"
        )]
    ));
    assert!(is(
        &by_tag,
        "mirror.acme.io/payments",
        &[value("tag", "2.0")]
    ));
    assert!(is(&by_tag, image, &[value("tag", "2.0@sha256:aa")]));
    assert!(!is(&by_tag, image, &[value("tag", "2.0.1")]));
    assert!(!is(
        &by_tag,
        "ghcr.io/acme/payments-worker",
        &[value("tag", "2.0")]
    ));
    assert!(!is(&by_tag, "", &[value("tag", "2.0")]));
    assert!(!by_tag.is_of(&Environment::new("staging"), image, &[value("tag", "2.0")]));
    assert!(by_tag.is_of(&Environment::new("eu/prod"), image, &[value("tag", "2.0")]));

    let of_anything = Entry {
        subject: String::new(),
        values: Vec::new(),
        ..entry("2.0")
    };
    assert!(is(&of_anything, image, &[value("tag", "2.0")]));

    let by_both = Entry {
        values: vec![value("tag", "2.0"), value("digest", "sha256:AA")],
        ..entry("2.0")
    };
    assert!(is(&by_both, image, &[value("tag", "2.0")]));
    assert!(is(&by_both, image, &[value("digest", "sha256:aa")]));
    assert!(is(
        &by_both,
        image,
        &[value("image", "x/payments:other@sha256:aa")]
    ));
    assert!(!is(
        &by_both,
        image,
        &[value("tag", "2.0"), value("digest", "sha256:bb")]
    ));
}

#[test]
fn a_version_that_is_there_is_extended_and_not_doubled() {
    let now = at("2026-11-25T00:00:00Z");
    let later = Entry {
        since: now,
        until: at("2026-12-09T00:00:00Z"),
        reason: None,
        incident: Some("INC-8".into()),
        ..entry("2.0")
    };
    let mut quarantine = payments(vec![entry("1.0"), entry("2.0")]);
    quarantine.add(later.clone(), now);
    let extended = &quarantine.entries[1];
    assert_eq!(quarantine.entries.len(), 2);
    assert_eq!(
        (extended.since, extended.until),
        (entry("2.0").since, later.until)
    );
    assert_eq!(extended.reason, entry("2.0").reason);
    assert_eq!(extended.incident.as_deref(), Some("INC-8"));

    let shorter = Entry {
        until: now,
        ..later
    };
    quarantine.add(shorter, now);
    assert_eq!(quarantine.entries[1].until, at("2026-12-09T00:00:00Z"));
}

#[test]
fn what_ran_out_is_dropped_when_something_is_added() {
    let mut quarantine = payments(vec![entry("1.0")]);
    let now = entry("1.0").until;
    assert!(quarantine.entries[0].is_over(now));
    let new = Entry {
        since: now,
        until: at("2027-01-01T00:00:00Z"),
        ..entry("2.0")
    };
    quarantine.add(new.clone(), now);
    assert_eq!(quarantine.entries, [new]);
}

#[test]
fn a_person_names_a_version_by_its_tag_or_the_start_of_its_digest() {
    let both = Entry {
        version: "2.0".into(),
        values: vec![value("digest", "sha256:4d0ccca1d151"), value("tag", "2.0")],
        ..entry("2.0")
    };
    for asked in ["2.0", "sha256:4d0ccca1d151", "sha256:4d0ccca", "4d0ccca1"] {
        assert!(both.answers_to(asked), "{asked}");
    }
    for asked in ["2", "4d0", "ccca1d151", ""] {
        assert!(!both.answers_to(asked), "{asked}");
    }
}

#[test]
fn the_command_that_lifts_can_be_pasted_whatever_the_names_hold() {
    let service = Service::new("it's $(x)");
    assert_eq!(
        entry("v2").lifted_by(&service),
        "ripcord quarantine lift 'it'\\''s $(x)' v2 production --reason '…'"
    );
}

#[test]
fn names_of_files_are_readable_where_they_can_be() {
    let path = |name: &str| path_of(&Service::new(name));
    assert_eq!(path("payments"), PATH);
    assert_eq!(
        path("../../x"),
        ".ripcord/quarantine/%2E.%2F..%2Fx.quarantine"
    );
    assert_eq!(path("a%2Fb"), ".ripcord/quarantine/a%252Fb.quarantine");
    let long = "x".repeat(300);
    assert!(path(&long).len() < 255 && path(&long) != path(&format!("{long}y")));
    assert!(
        is_ours(PATH) && is_ours(".ripcord") && !is_ours(".ripcordx/a") && !is_ours("a/.ripcord/b")
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(
        service in "\\PC{1,12}|.{1,12}",
        words in prop::collection::vec(".{0,16}", 6),
        version in "[0-9.]{1,5}|.{1,12}",
        environment in "[a-z/]{1,8}|.{1,8}",
        optional in any::<[bool; 3]>(),
        seconds in 0i64..4_000_000_000,
    ) {
        let text = |at: usize| optional[at].then(|| words[at].clone());
        let since = Timestamp::from_second(seconds).unwrap();
        let entry = Entry {
            environment: Environment::new(environment),
            subject: words[3].clone(),
            version,
            values: vec![value(&words[4], &words[5])],
            since,
            until: since,
            reason: text(0),
            incident: text(1),
            by: text(2),
        };
        let quarantine = Quarantine { service: Service::new(service), entries: vec![entry.clone(), entry] };
        let path = path_of(&quarantine.service);
        let read = Quarantine::parse(&path, quarantine.text().as_bytes());
        prop_assert_eq!(read.unwrap(), quarantine);
    }

    #[test]
    fn however_a_version_is_declared_it_is_the_same(
        tag in "[a-z0-9][a-z0-9._-]{0,12}",
        digits in "[0-9a-f]{64}",
        with_digest in any::<bool>(),
        registry in "[a-z]{1,5}(:[0-9]{2,4})?(/[a-z]{1,5}){0,2}",
    ) {
        let digest = format!("sha256:{digits}");
        let subject = format!("{registry}/payments");
        let at = if with_digest { format!("@{digest}") } else { String::new() };
        let mut fields = vec![value("name", &registry), value("tag", &tag)];
        if with_digest {
            fields.push(value("digest", &digest));
        }
        let declared = [
            fields,
            vec![value("tag", &format!("{tag}{at}"))],
            vec![value("image", &format!("{registry}/payments:{tag}{at}"))],
            vec![value("image", &format!("payments={registry}/payments:{tag}{at}"))],
        ];
        for one in &declared {
            let entry = Entry { values: one.clone(), ..entry(&tag) };
            for other in &declared {
                prop_assert!(entry.is_of(&entry.environment, &subject, other));
            }
            let next = vec![value("tag", &format!("{tag}x"))];
            prop_assert!(!entry.is_of(&entry.environment, "payments", &next));
        }
    }

    #[test]
    fn a_file_stays_in_the_folder_and_names_one_service(one in ".{0,40}", other in ".{0,40}") {
        let (a, b) = (path_of(&Service::new(&*one)), path_of(&Service::new(&*other)));
        let name = a.strip_prefix(".ripcord/quarantine/").unwrap();
        prop_assert!(!name.contains('/') && name.is_ascii() && name.len() < 255);
        prop_assert!(one.is_empty() || !name.starts_with('.'));
        prop_assert_eq!(a == b, one == other);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = Quarantine::parse(PATH, &bytes);
        let _ = Quarantine::parse(PATH, text.as_bytes());
    }
}
