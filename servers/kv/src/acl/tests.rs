//! Users and rules, beside what Redis 7.0.15 says and does.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::selector::{Access, ChannelUse, Denial, Request};
use super::user::{Flags, Shown};
use super::*;
use crate::command::keys::KeyAt;
use crate::command::row::Categories;
use crate::command::row::key_spec::KeyFlags;
use proptest::prelude::*;

fn catalog() -> Rc<Catalog> {
    Rc::new(Catalog::of_redis())
}

/// The user `u`, after a SETUSER with these rules, as ACL LIST shows it; or what is wrong with them.
fn set(acl: &mut Acl, rules: &str) -> String {
    let words: Vec<&[u8]> = rules.split(' ').map(str::as_bytes).collect();
    match acl.set_user(b"u", &words) {
        Ok(changed) => String::from_utf8(acl.line(&changed.user)).unwrap(),
        Err(text) => String::from_utf8(text).unwrap(),
    }
}

fn list(acl: &Acl) -> Vec<String> {
    acl.users().map(|user| String::from_utf8(acl.line(user)).unwrap()).collect()
}

#[test]
fn users_are_described_as_redis_describes_them() {
    for (rules, expected) in [
        ("on", "u on resetchannels -@all"),
        ("+@all ~* &* nopass", "u off nopass ~* &* +@all"),
        (
            "+@connection +bitfield_ro +@scripting +@bitmap +debug|object +touch",
            "u off resetchannels -@all +@connection +@scripting +@bitmap +debug|object +touch",
        ),
        (
            "+get -zrevrange %R~a* off +xgroup|create -client|unpause +sadd",
            "u off %R~a* resetchannels -@all +get +sadd +xgroup|create",
        ),
        ("-latency|history +slowlog|len", "u off resetchannels -@all +slowlog|len"),
        ("allcommands -rpop -@blocking", "u off resetchannels +@all -@blocking -rpop"),
        (
            "~a* +select|0 +select|1 +pexpireat allkeys",
            "u off ~* resetchannels -@all +pexpireat +select|0 +select|1",
        ),
        ("+@all -config +config|get", "u off resetchannels +@all -config +config|get"),
        ("+config -config|set", "u off resetchannels -@all +config -config|set"),
        ("%R~a %W~a %RW~b %w~c &x &y &x", "u off ~a ~b %W~c resetchannels &x &y -@all"),
        (
            "sanitize-payload >foo (%R~x +get) (+set ~y &z)",
            "u off sanitize-payload #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae resetchannels \
             -@all (%R~x resetchannels -@all +get) (~y resetchannels &z -@all +set)",
        ),
        ("on nopass +@all (+get) reset", "u off sanitize-payload resetchannels -@all"),
        ("+get|", "Error in ACL SETUSER modifier '+get|': Syntax error"),
        ("%~a", "Error in ACL SETUSER modifier '%~a': Syntax error"),
        ("%R", "Error in ACL SETUSER modifier '%R': Syntax error"),
        ("bad", "Error in ACL SETUSER modifier 'bad': Syntax error"),
        ("(+get ~a\tb)", "Error in ACL SETUSER modifier '(+get ~a\tb)': Syntax error"),
        (
            "<pw",
            "Error in ACL SETUSER modifier '<pw': The password you are trying to remove from the user does not \
                 exist",
        ),
        (
            "#zz",
            "Error in ACL SETUSER modifier '#zz': The password hash must be exactly 64 characters and contain \
                 only lowercase hexadecimal characters",
        ),
        ("+nosuch", "Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"),
        ("+@nosuch", "Error in ACL SETUSER modifier '+@nosuch': Unknown command or category name in ACL"),
        (
            "+config|get|x",
            "Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not \
                           supported",
        ),
        ("on (~a +get", "Unmatched parenthesis in acl selector starting at '(~a'."),
        (
            "allkeys ~a",
            "Error in ACL SETUSER modifier '~a': Adding a pattern after the * pattern (or the 'allkeys' \
                        flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list \
                        of patterns",
        ),
        (
            "allchannels &x",
            "Error in ACL SETUSER modifier '&x': Adding a pattern after the * pattern (or the \
                            'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to \
                            start with an empty list of channels",
        ),
    ] {
        assert_eq!(set(&mut Acl::new(catalog()), rules), expected, "{rules}");
    }
}

#[test]
fn a_change_that_is_wrong_changes_nothing() {
    let mut acl = Acl::new(catalog());
    let before = set(&mut acl, "on +get ~a");
    set(&mut acl, "off +set bad");
    assert_eq!(set(&mut acl, "on"), before);
    assert_eq!(acl.set_user(b"a b", &[]).unwrap_err(), b"Usernames can't contain spaces or null characters");
}

#[test]
fn the_default_user_may_do_everything_and_stays() {
    let mut acl = Acl::new(catalog());
    assert_eq!(list(&acl), ["default on nopass ~* &* +@all"]);
    assert!(acl.default_user().is_unrestricted() && acl.default_user().is_free());
    assert!(acl.delete(b"default").is_none());
    set(&mut acl, "on");
    assert!(acl.delete(b"u").is_some() && acl.delete(b"u").is_none());
}

#[test]
fn passwords_are_right_or_wrong() {
    let mut acl = Acl::new(catalog());
    let mut accepts = |rules: &str, password: &str| {
        set(&mut acl, rules);
        acl.authenticate(b"u", password.as_bytes()).is_some()
    };
    assert!(!accepts("on", ""), "no password is set");
    assert!(accepts("on >a >b", "b"));
    assert!(!accepts("on", "c"));
    assert!(!accepts("<b", "b"));
    assert!(accepts("nopass", "whatever"));
    assert!(!accepts("off", "whatever"));
    assert!(!accepts("on >x", "whatever"), "a password ends nopass");
    assert!(acl.authenticate(b"nobody", b"").is_none());
}

#[test]
fn a_required_password_is_the_default_users_only_one() {
    let mut acl = Acl::new(catalog());
    acl.require_password(b"one");
    acl.require_password(b"a\0b");
    assert!(!acl.default_user().is_free());
    assert!(acl.authenticate(b"default", b"one").is_none());
    assert!(acl.authenticate(b"default", b"a").is_none());
    assert!(acl.authenticate(b"default", b"a\0b").is_some());
    acl.require_password(b"");
    assert!(acl.default_user().is_free());
}

/// Whether the user `u` with these rules may make this call. Keys are arguments that begin with `r:`, `w:`,
/// `rw:` or `k:`, the last of which are neither read nor written.
fn check(rules: &str, call: &str) -> Result<(), Denial> {
    let mut acl = Acl::new(catalog());
    let described = set(&mut acl, rules);
    let words: Vec<&str> = call.split(' ').collect();
    let (mut keys, mut args) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        let flags = match word.split_once(':') {
            Some(("r", _)) => KeyFlags::RO | KeyFlags::ACCESS,
            Some(("w", _)) => KeyFlags::OW | KeyFlags::UPDATE,
            Some(("rw", _)) => KeyFlags::RW | KeyFlags::ACCESS | KeyFlags::INSERT,
            Some(("k", _)) => KeyFlags::RO,
            _ => {
                args.push(word.as_bytes());
                continue;
            }
        };
        keys.push(KeyAt { index, flags });
        args.push(word.split_once(':').unwrap().1.as_bytes());
    }
    let user = acl.find(b"u").unwrap_or_else(|| panic!("{described}"));
    let full = words.get(..2).map(|words| words.join("|")).unwrap_or_default();
    let command = acl.catalog().find(full.as_bytes()).or_else(|| acl.catalog().find(args[0])).unwrap();
    let channels = ChannelUse::of(words[0]);
    user.check(&Request { command, is_open: words[0] == "auth", args: &args, keys: &keys, channels })
}

#[test]
fn a_call_needs_its_command_its_keys_and_its_channels() {
    for (rules, call, expected) in [
        ("+get ~a*", "get r:abc", Ok(())),
        ("+get ~a*", "set rw:abc x", Err(Denial::Command)),
        ("+get ~a*", "get r:bcd", Err(Denial::Key(1))),
        ("-@all", "auth x", Ok(())),
        ("+@all -get ~*", "get r:a", Err(Denial::Command)),
        ("+mget %R~a %RW~b", "mget r:a r:b r:c", Err(Denial::Key(3))),
        ("+set %R~a", "set w:a x", Err(Denial::Key(1))),
        ("+set %W~a", "set w:a x", Ok(())),
        ("+set %W~a", "set rw:a x", Err(Denial::Key(1))),
        ("+set %R~a %W~*", "set rw:a x", Err(Denial::Key(1))),
        ("+touch %W~a", "touch k:a", Ok(())),
        ("+config|get", "config get x", Ok(())),
        ("+config|get", "config set x y", Err(Denial::Command)),
        ("+@all -config|set", "config set x y", Err(Denial::Command)),
        ("+select|0", "select 0", Ok(())),
        ("+select|0", "select 1", Err(Denial::Command)),
        ("+debug|OBJECT", "debug object", Ok(())),
        ("+@pubsub &news*", "publish news:1 m", Ok(())),
        ("+@pubsub &news*", "publish other m", Err(Denial::Channel(1))),
        ("+@pubsub &news*", "subscribe news:1 other", Err(Denial::Channel(2))),
        ("+@pubsub &news*", "psubscribe news*", Ok(())),
        ("+@pubsub &news*", "psubscribe news:*", Err(Denial::Channel(1))),
        ("+@pubsub", "unsubscribe other", Ok(())),
    ] {
        assert_eq!(check(rules, call), expected, "{rules}: {call}");
    }
}

#[test]
fn one_selector_has_to_allow_all_of_a_call() {
    let rules = "+get ~a (+set ~b) (+publish &c)";
    assert_eq!(check(rules, "get r:a"), Ok(()));
    assert_eq!(check(rules, "set w:b"), Ok(()));
    assert_eq!(check(rules, "get r:b"), Err(Denial::Key(1)));
    assert_eq!(check(rules, "publish d m"), Err(Denial::Channel(1)));
    assert_eq!(check(rules, "del w:a"), Err(Denial::Command));
    assert_eq!(
        check("+mget ~a (+mget ~a ~b)", "mget r:a r:b r:c"),
        Err(Denial::Key(3)),
        "the furthest is told"
    );
}

#[test]
fn computed_keys_need_a_right_to_all() {
    let mut acl = Acl::new(catalog());
    let command = acl.catalog().find(b"sort").unwrap();
    let request =
        Request { command, is_open: false, args: &[b"sort"], keys: &[], channels: ChannelUse::None };
    for (rules, expected) in [
        ("+sort ~*", true),
        ("reset +sort %R~*", true),
        ("reset +sort %W~*", false),
        ("reset ~* (+sort)", false),
        ("reset ~a (+sort ~*)", true),
    ] {
        set(&mut acl, rules);
        let allowed = acl.find(b"u").unwrap().allows_with_all_keys(&request, Access::READ);
        assert_eq!(allowed, expected, "{rules}");
    }
}

#[test]
fn whoever_loses_channels_is_told_which_are_left() {
    let mut acl = Acl::new(catalog());
    let mut left = |rules: &str| {
        let words: Vec<&[u8]> = rules.split(' ').map(str::as_bytes).collect();
        acl.set_user(b"u", &words).unwrap().channels_left
    };
    assert_eq!(left("on &a &b"), None, "a new user has no clients");
    assert_eq!(left("&c"), None, "more is no loss");
    assert_eq!(left("resetchannels &a"), Some(vec![b"a".to_vec()]));
    assert_eq!(left("resetchannels (&a)"), None);
    assert_eq!(left("allchannels"), None);
    assert_eq!(left("resetchannels clearselectors"), Some(Vec::new()));
}

#[test]
fn new_users_have_the_channels_that_are_configured() {
    let mut acl = Acl::new(catalog());
    acl.all_channels = true;
    assert_eq!(set(&mut acl, "on (+get)"), "u on &* -@all (&* -@all +get)");
    assert_eq!(set(&mut acl, "resetchannels reset"), "u off sanitize-payload &* -@all");
}

#[test]
fn a_selector_is_shown_in_three_parts() {
    let mut acl = Acl::new(catalog());
    set(&mut acl, "+get ~a %R~b (&c &d allkeys)");
    let user = acl.find(b"u").unwrap();
    let shown: Vec<Shown> =
        user.rights().selectors().map(|selector| Shown::of(selector, acl.catalog())).collect();
    let part = |commands: &str, keys: &str, channels: &str| Shown {
        commands: commands.into(),
        keys: keys.into(),
        channels: channels.into(),
    };
    assert_eq!(shown, [part("-@all +get", "~a %R~b", ""), part("-@all", "~*", "&c &d")]);
}

#[test]
fn a_file_of_users_is_loaded_whole_or_not_at_all() {
    let mut acl = Acl::new(catalog());
    set(&mut acl, "on +get");
    let gone = acl.load(b"\nuser ann on +@all ~* &*\r\nuser bob on (+get ~a) nopass\n", "users.acl").unwrap();
    assert_eq!(gone.iter().map(|user| user.name()).collect::<Vec<_>>(), [b"u"]);
    let expected = [
        "ann on ~* &* +@all",
        "bob on nopass resetchannels -@all (~a resetchannels -@all +get)",
        "default on nopass ~* &* +@all",
    ];
    assert_eq!(list(&acl), expected);
    let errors = acl.load(
        b"user x on +nosuch\nfoo\nuser\nuser y bad\nuser y on\nuser z bad worse +@nosuch\nuser w (+get",
        "f",
    );
    let expected = "f:1: Error in applying operation '+nosuch': Unknown command or category name in ACL. \
        f:2 should start with user keyword followed by the username. \
        f:3 should start with user keyword followed by the username. \
        f:4: Syntax error. WARNING: Duplicate user 'y' found on line 5. \
        f:6: Syntax error. f:6: Error in applying operation '+@nosuch': Unknown command or category name in ACL. \
        f:7: Unmatched parenthesis in selector definition. \
        WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
    assert_eq!(errors.unwrap_err(), expected);
    assert_eq!(list(&acl).len(), 3);
}

#[test]
fn the_default_user_is_the_same_one_after_loading() {
    let mut acl = Acl::new(catalog());
    let default = acl.default_user();
    acl.load(b"user default on >pw ~* +@all", "f").unwrap();
    assert!(!default.is_free() && default.rights().flags.contains(Flags::ON));
    acl.load(b"", "f").unwrap();
    assert!(default.is_free() && default.is_unrestricted());
}

#[test]
fn users_of_the_configuration_are_taken_over() {
    let mut acl = Acl::new(catalog());
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    acl.configure(&[words("default on nopass ~* +@all -flushdb"), words("ann on (+get ~a )")]).unwrap();
    let expected = [
        "ann on resetchannels -@all (~a resetchannels -@all +get)",
        "default on nopass sanitize-payload ~* resetchannels +@all -flushdb",
    ];
    assert_eq!(list(&acl), expected);
    let error = acl.configure(&[words("bob +nosuch")]).unwrap_err();
    let expected =
        "Error loading ACL rule '+nosuch' for the user named 'bob': Unknown command or category name in ACL";
    assert_eq!(error, expected);
    acl.check_rules(&[b"+nosuch", b"on"]).unwrap();
    let wrong = acl.check_rules(&[b"on", b"bad"]).unwrap_err();
    assert_eq!(wrong, (b"bad".to_vec(), rule::RuleError::Syntax));
}

/// A rule about commands, by chance.
fn any_rule() -> impl Strategy<Value = String> {
    let names: Vec<String> = catalog().all().map(|(_, entry)| entry.name.clone()).collect();
    let sign = prop::sample::select(vec!["+", "-"]);
    let category = prop::sample::select(Categories::NAMES.to_vec());
    prop_oneof![
        (sign.clone(), prop::sample::select(names)).prop_map(|(sign, name)| format!("{sign}{name}")),
        (sign, category).prop_map(|(sign, (_, name))| format!("{sign}@{name}")),
        prop::sample::select(vec!["+@all", "-@all", "~a", "%R~b", "&c", "resetkeys", "+get|x", ">pw", "on"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn a_description_makes_the_same_user_again(rules in prop::collection::vec(any_rule(), 0..12)) {
        let catalog = catalog();
        let mut acl = Acl::new(catalog.clone());
        let described = set(&mut acl, &rules.join(" "));
        let mut again = Acl::new(catalog);
        let rules = described.strip_prefix("u ").unwrap();
        prop_assert_eq!(&set(&mut again, rules), &described);
        prop_assert_eq!(again.load(&acl.save(), "f").is_ok(), true);
        prop_assert_eq!(list(&again), list(&acl));
    }

    #[test]
    fn no_rule_is_too_strange(rules: Vec<Vec<u8>>, name: Vec<u8>) {
        let mut acl = Acl::new(catalog());
        let words: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        let _ = acl.set_user(&name, &words);
        let _ = acl.load(&rules.concat(), "f");
        acl.save();
    }
}
