//! Connections as strings: what a client sends, what it makes of what comes. With time, loss and
//! several parties: `tests/resp_worlds.rs`; with a real server: `tests/redis.rs`.

use super::connection::Link;
use super::subscriber;
use super::wire::Wire;
use super::*;
use crate::resp::Value;
use bytes::Bytes;
use ropewalk_reactor::testing::StringTransport;
use ropewalk_reactor::{Deferred, Reactor, Reason};
use std::cell::RefCell;
use std::rc::Rc;

fn options(version: Version) -> ClientOptions {
    ClientOptions { version, ..ClientOptions::default() }
}

/// A client whose connection is a string; RESP2 has nothing to set up.
fn client(options: ClientOptions) -> (Client, StringTransport<Wire<Link>>) {
    let (client, link) = Client::detached(&Reactor::new().unwrap(), options);
    let options = link.options.clone();
    (client, StringTransport::new(Wire::new(link, options)))
}

fn ready_client(options: ClientOptions) -> (Client, StringTransport<Wire<Link>>) {
    let (client, mut wire) = client(ClientOptions { version: Version::Resp2, ..options });
    wire.connect();
    assert!(client.is_connected());
    (client, wire)
}

fn subscriber() -> (Subscriber, StringTransport<Wire<subscriber::Link>>) {
    subscriber_on(&Reactor::new().unwrap())
}

fn subscriber_on(reactor: &Reactor) -> (Subscriber, StringTransport<Wire<subscriber::Link>>) {
    let (subscriber, link) = Subscriber::detached(reactor, options(Version::Resp2));
    let options = link.options.clone();
    let mut wire = StringTransport::new(Wire::new(link, options));
    wire.connect();
    (subscriber, wire)
}

/// What has come, for the eye.
fn taken<T: fmt::Debug>(deferred: &Deferred<T>) -> String {
    match deferred.take_now() {
        None => "nothing yet".to_owned(),
        Some(Ok(value)) => format!("{value:?}"),
        Some(Err(failure)) => format!("failed: {failure}"),
    }
}

#[test]
fn a_connection_begins_with_what_the_options_ask_for() {
    let secret = |version| ClientOptions { password: Some("secret".to_owned()), ..options(version) };
    let (resp2, resp3) = (Version::Resp2, Version::Resp3);
    for (options, sent) in [
        (options(resp2), ""),
        (options(resp3), "HELLO 3"),
        (secret(resp2), "AUTH secret"),
        (secret(resp3), "HELLO 3 AUTH default secret"),
        (
            ClientOptions {
                username: Some("ann".to_owned()),
                name: Some("me".to_owned()),
                database: 7,
                ..secret(resp2)
            },
            "AUTH ann secret, CLIENT SETNAME me, SELECT 7",
        ),
        (
            ClientOptions {
                username: Some("ann".to_owned()),
                name: Some("me".to_owned()),
                database: 7,
                ..secret(resp3)
            },
            "HELLO 3 AUTH ann secret SETNAME me, SELECT 7",
        ),
    ] {
        let (client, mut wire) = client(options);
        wire.connect();
        assert_eq!(commands(&wire.output()), sent);
        let count = sent.split(", ").filter(|command| !command.is_empty()).count();
        for left in (0..count).rev() {
            assert!(!client.is_connected());
            wire.feed(if left % 2 == 0 { b"+OK\r\n" } else { b"%1\r\n+proto\r\n:3\r\n" });
        }
        assert!(client.is_connected());
    }
}

/// Encoded commands, for the eye.
fn commands(sent: &[u8]) -> String {
    let mut parser = crate::resp::RequestParser::new();
    let mut scratch = crate::resp::Scratch::new();
    let batch = parser.parse(sent, &crate::resp::Limits::default(), &mut scratch, 99);
    let commands: Vec<_> =
        batch.iter().map(|command| command.join(&b' ').escape_ascii().to_string()).collect();
    assert_eq!(parser.finish(batch, 99), sent.len());
    commands.join(", ")
}

#[test]
fn no_password_is_shown() {
    let options = ClientOptions { password: Some("secret".to_owned()), ..ClientOptions::default() };
    assert!(!format!("{options:?}").contains("secret"));
}

#[test]
fn nothing_is_sent_before_the_server_has_accepted_the_connection() {
    let (client, mut wire) = client(ClientOptions { database: 7, ..options(Version::Resp3) });
    let reply = client.command(&["FLUSHDB"]);
    wire.connect();
    assert_eq!(commands(&wire.output()), "HELLO 3, SELECT 7");
    wire.feed(b"%0\r\n");
    assert_eq!(wire.output(), b"");
    wire.feed(b">1\r\n+hi\r\n");
    assert_eq!(wire.output(), b"");
    wire.feed(b"+OK\r\n");
    assert_eq!(commands(&wire.output()), "FLUSHDB");
    wire.feed(b"+OK\r\n");
    assert_eq!(taken(&reply), "OK");
}

#[test]
fn a_server_that_refuses_the_connection_is_left() {
    let (client, mut wire) = client(ClientOptions { database: 77, ..options(Version::Resp3) });
    let reply = client.command(&["PING"]);
    wire.feed(b"%0\r\n-ERR DB index is out of range\r\n");
    assert!(wire.is_aborting());
    wire.lose(Reason::Aborted);
    let refused = "failed: the server refused SELECT: ERR DB index is out of range";
    assert_eq!(taken(&reply), refused);
    assert_eq!(taken(&client.command(&["PING"])), refused);
}

#[test]
fn a_server_that_takes_too_long_to_accept_is_left() {
    let (client, mut wire) = client(options(Version::Resp3));
    let reply = client.command(&["PING"]);
    wire.time_out();
    assert!(wire.is_aborting());
    wire.lose(Reason::Aborted);
    assert_eq!(taken(&reply), "failed: the server did not accept the connection within 10s");
}

#[test]
fn a_server_that_does_not_reply_in_time_is_left() {
    let limit = Some(Duration::from_secs(3));
    let (client, mut wire) = ready_client(ClientOptions { reply_timeout: limit, ..ClientOptions::default() });
    let replies = [client.command(&["A"]), client.command(&["B"])];
    wire.feed(b"+OK\r\n");
    wire.time_out();
    assert!(wire.is_aborting());
    wire.lose(Reason::Aborted);
    assert_eq!(replies.each_ref().map(taken), ["OK", "failed: the server did not reply within 3s"]);
}

#[test]
fn commands_of_one_turn_leave_in_one_write_and_replies_come_in_order() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let replies: Vec<_> = (0..3).map(|index| client.command(&["ECHO", &index.to_string()])).collect();
    assert_eq!(commands(&wire.output()), "ECHO 0, ECHO 1, ECHO 2");
    assert_eq!(client.awaited(), 3);
    wire.feed_bytewise(b"$1\r\n0\r\n*2\r\n:1\r\n:1\r\n");
    assert_eq!(replies.iter().map(taken).collect::<Vec<_>>(), ["\"0\"", "[1, 1]", "nothing yet"]);
    wire.feed(b"_\r\n");
    assert_eq!(taken(&replies[2]), "nil");
    assert_eq!(client.awaited(), 0);
}

#[test]
fn a_cancelled_command_keeps_its_place() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let (first, second) = (client.command(&["GET", "a"]), client.command(&["GET", "b"]));
    first.cancel();
    wire.feed(b"$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(taken(&second), "\"b\"");
}

#[test]
fn an_error_of_the_server_is_a_failure_and_one_within_a_reply_a_value() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let (alone, within) = (client.command(&["GET", "list"]), client.command(&["EXEC"]));
    wire.feed(b"-WRONGTYPE of a key\r\n*2\r\n+OK\r\n-ERR no\r\n");
    let failure = alone.take_now().unwrap().unwrap_err();
    let error = ServerError::of(&failure).unwrap();
    assert_eq!((error.code(), error.to_string()), (&b"WRONGTYPE"[..], "WRONGTYPE of a key".to_owned()));
    assert_eq!(ClientError::of(&failure), None);
    assert_eq!(taken(&within), "[OK, (error) ERR no]");
}

#[test]
fn a_loss_fails_all_that_is_awaited() {
    for (lose, reason) in [
        (
            (|wire| wire.lose(Reason::Aborted)) as fn(&mut StringTransport<Wire<Link>>),
            "the connection was lost: aborted",
        ),
        (
            |wire| {
                wire.eof();
                wire.lose(Reason::Done);
            },
            "the connection was lost: the server closed it",
        ),
        (
            |wire| {
                wire.feed(b"+OK\r\n?what\r\n+OK\r\n");
                assert!(wire.is_aborting());
                wire.lose(Reason::Aborted);
            },
            "the server's reply can't be understood: the byte 0x3f begins no reply",
        ),
    ] {
        let (client, mut wire) = ready_client(ClientOptions::default());
        let replies = [client.command(&["A"]), client.command(&["B"]), client.command(&["C"])];
        wire.feed(b"+first\r\n");
        lose(&mut wire);
        assert_eq!(taken(&replies[0]), "first");
        assert_eq!(taken(&replies[2]), format!("failed: {reason}"));
        let failure = client.command(&["D"]).take_now().unwrap().unwrap_err();
        assert_eq!(ClientError::of(&failure).unwrap().to_string(), reason);
        assert_eq!((client.awaited(), client.is_connected()), (0, false));
    }
}

#[test]
fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    wire.feed(b"+OK\r\n");
    assert!(wire.is_aborting());
    wire.lose(Reason::Aborted);
    assert_eq!(taken(&client.command(&["A"])), format!("failed: {}", ClientError::Unasked));
}

#[test]
fn what_is_awaited_and_what_is_unsent_is_bounded() {
    let full = format!("failed: {}", ClientError::Full);
    let (client, mut wire) = ready_client(ClientOptions { awaited_max: 2, ..ClientOptions::default() });
    let accepted = [client.command(&["A"]), client.command(&["B"])];
    assert_eq!(taken(&client.command(&["C"])), full);
    wire.feed(b":1\r\n");
    let accepted_later = client.command(&["D"]);
    assert_eq!(taken(&client.command(&["E"])), full);
    wire.feed(b":2\r\n:3\r\n");
    assert_eq!(accepted.each_ref().map(taken), ["1", "2"]);
    assert_eq!(taken(&accepted_later), "3");

    let small = ClientOptions { unsent_bytes_max: 100, ..ClientOptions::default() };
    for connected in [true, false] {
        let (client, mut wire) = client_of(&small, connected);
        let long = "x".repeat(200);
        let first = client.command(&["SET", "a", &long]);
        assert_eq!(taken(&first), "nothing yet", "one alone may be longer");
        assert_eq!(taken(&client.command(&["GET", "b"])), full);
        wire.connect();
        assert_eq!(wire.output().len(), 228);
        assert_eq!(taken(&client.command(&["GET", "b"])), "nothing yet");
    }
}

fn client_of(options: &ClientOptions, connected: bool) -> (Client, StringTransport<Wire<Link>>) {
    let options = ClientOptions { version: Version::Resp2, ..options.clone() };
    if connected { ready_client(options) } else { client(options) }
}

#[test]
fn what_breaks_the_order_of_replies_is_not_sent() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    for command in [
        &["subscribe", "a"][..],
        &["PSubscribe", "a"],
        &["MONITOR"],
        &["client", "reply", "off"],
        &["PSYNC"],
        &[],
    ] {
        let failure = client.command(command).take_now().unwrap().unwrap_err();
        assert!(matches!(ClientError::of(&failure), Some(ClientError::NotACommand(_))), "{command:?}");
    }
    assert_eq!(wire.output(), b"");
    drop(client.command(&["CLIENT", "ID"]));
    assert_eq!(commands(&wire.output()), "CLIENT ID");
}

#[test]
fn pushes_go_to_the_callback_and_replies_do_not() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let seen: Rc<RefCell<Vec<Vec<Value>>>> = Rc::default();
    wire.feed(b">1\r\n+dropped\r\n");
    let log = seen.clone();
    client.on_push(move |values| log.borrow_mut().push(values));
    let reply = client.command(&["GET", "a"]);
    wire.feed(b">2\r\n+invalidate\r\n*1\r\n+a\r\n:5\r\n>1\r\n+again\r\n");
    assert_eq!(taken(&reply), "5");
    assert_eq!(format!("{:?}", seen.borrow()), "[[invalidate, [a]], [again]]");
}

#[test]
fn a_callback_may_replace_itself_and_drop_the_client() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let count = Rc::new(RefCell::new(0));
    let (counter, own) = (count.clone(), client.clone());
    client.on_push(move |_| {
        *counter.borrow_mut() += 1;
        let counter = counter.clone();
        own.on_push(move |_| *counter.borrow_mut() += 10);
    });
    drop(client);
    wire.feed(b">0\r\n>0\r\n");
    assert_eq!(*count.borrow(), 1, "the client went with its callback, and the connection with it");
    assert!(wire.is_closing());
}

#[test]
fn the_last_handle_closes_when_all_is_answered() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let reply = client.command(&["GET", "a"]);
    let other = client.clone();
    drop(client);
    drop(other.command(&["GET", "b"]));
    drop(other);
    assert!(!wire.is_closing());
    wire.feed(b":1\r\n");
    assert_eq!((taken(&reply), wire.is_closing()), ("1".to_owned(), false));
    wire.feed(b":2\r\n");
    assert!(wire.is_closing() && !wire.is_aborting());

    let (client, wire) = ready_client(ClientOptions::default());
    drop(client);
    assert!(wire.is_closing());
}

#[test]
fn a_closed_client_takes_no_more_and_an_aborted_one_waits_for_nothing() {
    let (client, mut wire) = ready_client(ClientOptions::default());
    let reply = client.command(&["GET", "a"]);
    client.close();
    assert_eq!(taken(&client.command(&["GET", "b"])), "failed: the client is closed");
    wire.feed(b":1\r\n");
    assert_eq!((taken(&reply), wire.is_closing()), ("1".to_owned(), true));

    let (client, wire) = ready_client(ClientOptions::default());
    let reply = client.command(&["BLPOP", "a", "0"]);
    client.abort();
    assert_eq!(taken(&reply), "failed: the client is closed");
    assert!(wire.is_aborting());
}

#[test]
fn subscriptions_are_confirmed_name_by_name_in_both_versions() {
    for marker in ["*", ">"] {
        let (subscriber, mut wire) = subscriber();
        let both = subscriber.subscribe(Topic::Channel, &["a", "b"]);
        let pattern = subscriber.subscribe(Topic::Pattern, &["c*"]);
        assert_eq!(commands(&wire.output()), "SUBSCRIBE a b, PSUBSCRIBE c*");
        let confirm = |word: &str, name: &str| format!("{marker}3\r\n+{word}\r\n+{name}\r\n:1\r\n");
        wire.feed(confirm("subscribe", "a").as_bytes());
        assert_eq!(taken(&both), "nothing yet");
        wire.feed(format!("{marker}3\r\n+message\r\n+a\r\n+early\r\n").as_bytes());
        wire.feed(confirm("subscribe", "b").as_bytes());
        assert_eq!(taken(&both), "()");
        wire.feed(confirm("psubscribe", "c*").as_bytes());
        assert_eq!(taken(&pattern), "()");
        wire.feed(format!("{marker}4\r\n+pmessage\r\n+c*\r\n+cd\r\n+late\r\n").as_bytes());
        let message =
            |topic, pattern: Option<&'static str>, channel: &'static str, payload: &'static str| Message {
                topic,
                pattern: pattern.map(Bytes::from),
                channel: channel.into(),
                payload: payload.into(),
            };
        let next = || subscriber.next().take_now().unwrap().unwrap();
        assert_eq!(next(), message(Topic::Channel, None, "a", "early"));
        assert_eq!(next(), message(Topic::Pattern, Some("c*"), "cd", "late"));
        let (waits, gone) = (subscriber.unsubscribe(Topic::Channel, &["a"]), subscriber.next());
        gone.cancel();
        let reader = subscriber.next();
        wire.feed(confirm("unsubscribe", "a").as_bytes());
        wire.feed(format!("{marker}3\r\n+smessage\r\n+s\r\n+x\r\n").as_bytes());
        assert_eq!(taken(&waits), "()");
        assert_eq!(reader.take_now().unwrap().unwrap(), message(Topic::Shard, None, "s", "x"));
    }
}

#[test]
fn a_subscription_that_is_refused_fails_and_the_next_ones_do_not() {
    let (subscriber, mut wire) = subscriber();
    let refused = subscriber.subscribe(Topic::Channel, &["a", "b"]);
    let accepted = subscriber.subscribe(Topic::Shard, &["c"]);
    assert_eq!(taken(&subscriber.subscribe::<&str>(Topic::Channel, &[])), "()");
    wire.feed(b"-NOPERM no\r\n>3\r\n+ssubscribe\r\n+c\r\n:1\r\n>2\r\n+invalidate\r\n_\r\n");
    assert_eq!(taken(&refused), "failed: NOPERM no");
    assert_eq!(taken(&accepted), "()");
    wire.feed(b"+what\r\n");
    assert!(wire.is_aborting());
}

#[test]
fn a_slow_subscriber_slows_its_connection_not_its_memory() {
    let reactor = Reactor::new().unwrap();
    let (subscriber, mut wire) = subscriber_on(&reactor);
    let message = b"*3\r\n+message\r\n+a\r\n+x\r\n";
    wire.feed(&message.repeat(2 * MESSAGES_MAX));
    assert_eq!(wire.input().len(), message.len() * MESSAGES_MAX);
    for _ in 0..MESSAGES_MAX / 2 {
        assert!(subscriber.next().take_now().is_some());
    }
    wire.feed(b"");
    assert_eq!(wire.input().len(), message.len() * MESSAGES_MAX);
    assert!(subscriber.next().take_now().is_some());
    wire.feed(b"");
    assert!(wire.input().len() < message.len() * MESSAGES_MAX);
    let count = Rc::new(RefCell::new(0));
    let counter = count.clone();
    subscriber.on_message(move |_| *counter.borrow_mut() += 1);
    wire.feed(message);
    reactor.turn().unwrap();
    wire.feed(message);
    assert_eq!(*count.borrow(), 2 * MESSAGES_MAX + 2 - MESSAGES_MAX / 2 - 1);
    assert_eq!(wire.input(), b"");
}

#[test]
fn a_lost_subscriber_gives_what_came_before() {
    let (subscriber, mut wire) = subscriber();
    let unconfirmed = subscriber.subscribe(Topic::Channel, &["b"]);
    wire.feed(b"*3\r\n+message\r\n+a\r\n+x\r\n");
    wire.lose(Reason::Aborted);
    let lost = "failed: the connection was lost: aborted";
    assert_eq!(taken(&unconfirmed), lost);
    assert!(taken(&subscriber.next()).contains("payload: b\"x\""));
    assert_eq!(taken(&subscriber.next()), lost);
    assert_eq!(taken(&subscriber.subscribe(Topic::Channel, &["c"])), lost);
}

#[test]
fn the_last_handle_of_a_subscriber_closes_it() {
    let (subscriber, wire) = subscriber();
    drop(subscriber.clone());
    assert!(!wire.is_closing());
    drop(subscriber);
    assert!(wire.is_closing());
}
