//! What a database promises to commands.

use super::*;
use crate::store::list::List;

fn key(name: &str) -> Key<'_> {
    Key::new(name.as_bytes())
}

fn text(database: &Database, name: &str) -> Option<String> {
    database.find(key(name)).map(|found| match found.view() {
        View::Integer(integer) => integer.to_string(),
        View::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    })
}

#[test]
fn a_string_is_set_and_set_again() {
    let mut database = Database::default();
    assert!(database.set_string(key("a"), b"one", Expiry::Never, 1));
    assert!(!database.set_string(key("a"), b"another one, longer", Expiry::Never, 2));
    assert_eq!(text(&database, "a").as_deref(), Some("another one, longer"));
    assert_eq!((database.len(), database.find(key("a")).unwrap().access()), (1, 2));
    assert!(database.remove(key("a")).is_some());
    assert!(database.remove(key("a")).is_none());
    assert!(database.is_empty());
}

#[test]
fn an_expiry_is_kept_dropped_or_set_with_the_value() {
    let mut database = Database::default();
    let at = |database: &Database| database.find(key("a")).unwrap().expires_at();
    database.set_string(key("a"), b"one", Expiry::At(100), 0);
    assert_eq!((at(&database), database.expiring_len()), (Some(100), 1));
    database.set_string(key("a"), b"two", Expiry::Keep, 0);
    assert_eq!(at(&database), Some(100));
    database.set_string(key("a"), b"three", Expiry::Never, 0);
    assert_eq!((at(&database), database.expiring_len()), (None, 0));
    assert!(database.set_expiry(key("a"), Some(7)));
    assert!(database.find(key("a")).unwrap().is_expired(7));
    assert!(!database.find(key("a")).unwrap().is_expired(6));
    assert!(database.set_expiry(key("a"), None));
    assert!(!database.set_expiry(key("b"), Some(1)));
    assert_eq!((at(&database), database.expiring_len()), (None, 0));
}

#[test]
fn what_a_value_replaces_comes_back() {
    let mut database = Database::default();
    let list = || Value::List(List::new());
    assert!(matches!(database.insert(key("a"), list(), Expiry::Never, 0), Replaced::Nothing));
    assert!(matches!(database.insert(key("a"), Value::Integer(1), Expiry::Never, 0), Replaced::Value(_)));
    assert!(matches!(database.insert(key("a"), list(), Expiry::Keep, 0), Replaced::String));
    assert_eq!(database.find(key("a")).unwrap().kind(), Kind::List);
}

#[test]
fn a_collection_is_found_as_what_it_is() {
    let mut database = Database::default();
    database.insert(key("list"), Value::List(List::new()), Expiry::Never, 0);
    database.set_string(key("string"), b"text", Expiry::Never, 0);
    assert!(matches!(database.collection_mut::<List>(key("list")), Ok(Some(_))));
    assert!(matches!(database.collection_mut::<List>(key("none")), Ok(None)));
    assert!(matches!(database.collection_mut::<List>(key("string")), Err(WrongKind)));
    assert!(matches!(database.bytes_mut(key("list")), Err(WrongKind)));
    assert!(matches!(database.bytes_mut(key("none")), Ok(None)));
}

#[test]
fn bytes_that_are_changed_stay_with_their_key_and_its_expiry() {
    let mut database = Database::default();
    database.set_string(key("a"), b"12", Expiry::At(5), 3);
    database.bytes_mut(key("a")).unwrap().unwrap().extend_from_slice(b"34");
    assert_eq!(text(&database, "a").as_deref(), Some("1234"));
    let found = database.find(key("a")).unwrap();
    assert_eq!((found.encoding(), found.expires_at(), found.access()), (Encoding::Raw, Some(5), 3));
    let mut random = Random::new(1);
    assert_eq!(database.random_expiring(&mut random).unwrap().name(), b"a");
}
