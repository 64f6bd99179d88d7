//! Which records a setting opens, and which it does not.

use postgres::{Client, NoTls};
use ripcord_store::{StoreError, open};

use crate::place::Place;
use crate::story::delivery;

fn refusal(setting: &str) -> StoreError {
    open(setting).err().unwrap()
}

#[test]
fn a_path_opens_the_same_file_with_and_without_its_scheme() {
    let place = Place::sqlite();
    place.open().accept(&[delivery("one")]).unwrap();
    let path = place.setting.strip_prefix("sqlite:").unwrap();
    assert_eq!(open(path).unwrap().waiting(5).unwrap().len(), 1);
}

#[test]
fn both_schemes_of_postgresql_open_the_same_database() {
    let place = Place::postgres();
    place.open().accept(&[delivery("one")]).unwrap();
    let other = place.setting.replace("postgres://", "postgresql://");
    assert_eq!(open(&other).unwrap().waiting(5).unwrap().len(), 1);
}

#[test]
fn a_setting_that_is_not_understood_is_refused_without_telling_its_secrets() {
    for setting in [
        "",
        "sqlite:",
        "mysql://root:secret@db/incidents",
        "postgres://",
        "postgres:secret",
        "postgres://ripcord:sec%ret@db/incidents?port=secret",
        "postgres://ripcord@db/incidents?secret=secret",
        "postgresql://ripcord:secret@db:secret/incidents",
    ] {
        let refused = refusal(setting);
        assert!(
            matches!(refused, StoreError::NotUnderstood { .. }),
            "{setting}: {refused}"
        );
        assert!(
            !format!("{refused} {refused:?}").contains("sec"),
            "{refused}"
        );
    }
}

#[test]
fn a_wrong_password_is_an_error_without_the_password() {
    let place = Place::postgres();
    let refused = refusal(&place.setting.replace("open-sesame", "guessed"));
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("password authentication failed"), "{said}");
    assert!(!said.contains("guessed"), "{said}");
}

#[test]
fn tls_that_is_required_and_not_spoken_is_an_error() {
    // Over a Unix socket there is no TLS.
    let place = Place::postgres();
    let refused = refusal(&format!("{}?sslmode=require", place.setting));
    assert!(matches!(refused, StoreError::Unusable { .. }), "{refused}");
}

#[test]
fn a_file_of_a_newer_ripcord_is_not_touched() {
    let place = Place::sqlite();
    let file = place.setting.strip_prefix("sqlite:").unwrap();
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(refusal(file), StoreError::Newer { .. }));
}

#[test]
fn a_database_of_a_newer_ripcord_is_not_touched_even_by_one_that_was_connected() {
    let place = Place::postgres();
    let mut connected = place.open();
    let mut db = Client::connect(&place.setting, NoTls).unwrap();
    db.batch_execute("UPDATE ripcord.version SET format = 99")
        .unwrap();
    assert!(matches!(refusal(&place.setting), StoreError::Newer { .. }));
    // The newer one ends what older ones have open, as an upgrade does.
    db.batch_execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .unwrap();
    let refused = connected.accept(&[delivery("one")]).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
}
