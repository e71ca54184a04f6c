//! Clients of RESP in simulated worlds: loss, reconnecting, waiting, and both ends in one process.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_protocols::resp::{
    Client, ClientError, ClientOptions, CommandReceiver, Commands, Pool, PoolOptions, Subscriber, Topic,
    Value, Version, send_reply,
};
use ropewalk_reactor::testing::{Faults, Sim, World, explore};
use ropewalk_reactor::{Address, Backoff, Failure, Listener, Reactor, Reason, Transport};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

const ENDPOINT: &str = "tcp:10.0.0.1:6379";

/// What the connections of a server share.
#[derive(Default)]
struct Shared {
    counter: Cell<i64>,
    open: Cell<usize>,
    made: Cell<usize>,
    connected: RefCell<Vec<Transport>>,
    /// Who has subscribed, in the order they did.
    subscribers: RefCell<Vec<(Vec<u8>, Transport)>>,
}

/// A server that counts, blocks, breaks and publishes when it is told to.
struct Server(Rc<Shared>);

impl CommandReceiver for Server {
    fn command_received(&mut self, transport: &Transport, command: &[&[u8]]) {
        let Self(shared) = self;
        send_reply(transport, Version::Resp3, |reply| match command {
            [b"HELLO", ..] => reply.map(0),
            [b"INCR"] => {
                shared.counter.set(shared.counter.get() + 1);
                reply.integer(shared.counter.get());
            }
            [b"ECHO", text] => reply.bulk(text),
            [b"BLOCK"] => {}
            [b"CLOSE"] => transport.close(),
            [b"ABORT"] => transport.abort(),
            [b"SUBSCRIBE", names @ ..] => {
                for name in names {
                    shared.subscribers.borrow_mut().push((name.to_vec(), transport.clone()));
                    reply.push(3);
                    reply.bulk("subscribe");
                    reply.bulk(name);
                    reply.integer(1);
                }
            }
            [b"UNSUBSCRIBE", name] => {
                shared.subscribers.borrow_mut().retain(|(of, _)| of != name);
                reply.push(3);
                reply.bulk("unsubscribe");
                reply.bulk(name);
                reply.integer(0);
            }
            [b"PUBLISH", name, text] => {
                let subscribers = shared.subscribers.borrow();
                let to: Vec<_> = subscribers.iter().filter(|(of, _)| of == name).collect();
                reply.integer(to.len().try_into().unwrap());
                for (_, transport) in to {
                    send_reply(transport, Version::Resp3, |reply| {
                        reply.push(3);
                        reply.bulk("message");
                        reply.bulk(name);
                        reply.bulk(text);
                    });
                }
            }
            _ => reply.error("ERR unknown command"),
        });
    }

    fn connection_made(&mut self, transport: &Transport) {
        self.0.connected.borrow_mut().push(transport.clone());
        self.0.open.set(self.0.open.get() + 1);
        self.0.made.set(self.0.made.get() + 1);
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.subscribers.borrow_mut().retain(|(_, other)| other.id() != transport.id());
    }
}

fn serve(reactor: &Reactor) -> (Rc<Shared>, Listener) {
    let shared = Rc::new(Shared::default());
    let of_server = shared.clone();
    let endpoint = "tcp:6379:interface=10.0.0.1";
    let listener =
        reactor.listen(endpoint, move |_: &Address| Commands::new(Server(of_server.clone()))).unwrap();
    (shared, listener)
}

/// A world without faults, and a story in it.
fn story<F: Future<Output = ropewalk_reactor::Result<()>> + 'static>(tell: impl FnOnce(Reactor, World) -> F) {
    let (engine, world) = Sim::new(1, Faults::none());
    let reactor = Reactor::with_engine(engine);
    reactor.block_on(tell(reactor.clone(), world)).unwrap();
}

fn said<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(failure) => format!("failed: {failure}"),
    }
}

#[test]
fn a_client_asks_and_is_answered() {
    story(|reactor, _| async move {
        let (_, _listener) = serve(&reactor);
        let client = Client::connect(&reactor, ENDPOINT).await?;
        let replies: Vec<_> = (0..1000).map(|_| client.command(&["INCR"])).collect();
        for (index, reply) in replies.into_iter().enumerate() {
            assert_eq!(reply.await?, Value::Integer(index as i64 + 1));
        }
        let large = "x".repeat(5_000_000);
        assert_eq!(client.command(&["ECHO", &large]).await?.as_str(), Some(&large[..]));
        assert_eq!(said(client.command(&["WHAT"]).await), "failed: ERR unknown command");
        Ok(())
    });
}

#[test]
fn a_client_that_cannot_connect_says_why() {
    story(|reactor, _| async move {
        let failure = said(Client::connect(&reactor, ENDPOINT).await.map(drop));
        assert!(failure.contains("refused"), "{failure}");
        let failure = said(Client::connect(&reactor, "tcp:what").await.map(drop));
        assert!(failure.starts_with("failed: "), "{failure}");
        let listener = reactor.listen("tcp:6379", |_: &Address| Silent)?;
        let waiting = Client::connect(&reactor, ENDPOINT);
        let failure = said(waiting.await.map(drop));
        assert_eq!(failure, "failed: the server did not accept the connection within 10s");
        let waiting = Client::connect(&reactor, ENDPOINT).timeout(Duration::from_secs(1));
        assert_eq!(said(waiting.await.map(drop)), "failed: timed out");
        listener.stop();
        Ok(())
    });
}

/// Accepts, and says nothing.
struct Silent;

impl ropewalk_reactor::Protocol for Silent {
    fn data_received(&mut self, _: &Transport, _: &mut bytes::BytesMut) {}
}

#[test]
fn a_server_that_says_nothing_is_left_when_nobody_waits_for_it() {
    story(|reactor, world| async move {
        let listener = reactor.listen("tcp:6379", |_: &Address| Silent)?;
        let waiting = Client::connect(&reactor, ENDPOINT);
        reactor.sleep(Duration::from_secs(1)).await?;
        assert!(world.open_connections() > 0);
        waiting.cancel();
        reactor.sleep(Duration::from_secs(1)).await?;
        assert_eq!(world.open_connections(), 0);
        listener.stop();
        Ok(())
    });
}

#[test]
fn an_attempt_that_is_cancelled_leaves_no_connection() {
    story(|reactor, world| async move {
        let (shared, _listener) = serve(&reactor);
        let before = world.open_connections();
        for delay in [0, 10, 100, 1000, 10_000] {
            let waiting = Client::connect(&reactor, ENDPOINT);
            reactor.sleep(Duration::from_micros(delay)).await?;
            waiting.cancel();
            drop(waiting);
            reactor.sleep(Duration::from_secs(5)).await?;
            assert_eq!(shared.open.get(), 0);
        }
        assert_eq!(world.open_connections(), before);
        Ok(())
    });
}

#[test]
fn a_lost_connection_fails_what_was_sent_and_serves_what_comes_later() {
    story(|reactor, _| async move {
        let backoff = Backoff::default();
        let client = Client::keep_connected(&reactor, ENDPOINT, ClientOptions::default(), backoff)?;
        // There is no server yet: this waits.
        let early = client.command(&["ECHO", "early"]);
        reactor.sleep(Duration::from_secs(5)).await?;
        let (shared, _listener) = serve(&reactor);
        assert_eq!(said(early.await), "\"early\"");
        for way in ["CLOSE", "ABORT"] {
            let (sent, lost) = (client.command(&["ECHO", "before"]), client.command(&[way]));
            let behind = client.command(&["ECHO", "behind"]);
            let before = if way == "CLOSE" {
                "\"before\""
            } else {
                "failed: the connection was lost: connection reset"
            };
            assert_eq!(said(sent.await), before);
            for failed in [lost, behind] {
                assert!(matches!(ClientError::of(&failed.await.unwrap_err()), Some(ClientError::Lost(_))));
            }
            assert!(!client.is_connected());
            assert_eq!(said(client.command(&["ECHO", "after"]).await), "\"after\"");
        }
        assert_eq!(shared.made.get(), 3);
        client.close();
        reactor.sleep(Duration::from_secs(60)).await?;
        assert_eq!((shared.open.get(), shared.made.get()), (0, 3), "closed for good");
        Ok(())
    });
}

fn pool(reactor: &Reactor, connections_max: usize, waiting_max: usize) -> Pool {
    let options = PoolOptions { connections_max, waiting_max, wait_timeout: Duration::from_secs(5) };
    Pool::new(reactor, ENDPOINT, ClientOptions::default(), options)
}

#[test]
fn a_pool_makes_no_more_connections_than_it_may() {
    story(|reactor, _| async move {
        let (shared, _listener) = serve(&reactor);
        let pool = pool(&reactor, 3, 100);
        let replies: Vec<_> = (0..50).map(|_| pool.command(&["INCR"])).collect();
        let mut counts = Vec::new();
        for reply in replies {
            counts.push(reply.await?.as_integer().unwrap());
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=50).collect::<Vec<_>>());
        assert_eq!((shared.made.get(), pool.open(), pool.idle()), (3, 3, 3));
        Ok(())
    });
}

#[test]
fn a_lease_is_for_one_and_the_next_has_waited_longest() {
    story(|reactor, _| async move {
        let (_, _listener) = serve(&reactor);
        let pool = pool(&reactor, 1, 2);
        let first = pool.lease().await?;
        assert_eq!((pool.open(), pool.idle()), (1, 0));
        let (second, third) = (pool.lease(), pool.lease());
        assert_eq!(said(pool.lease().await.map(drop)), "failed: too many wait for a connection of the pool");
        second.cancel();
        reactor.sleep(Duration::ZERO).await?;
        let fourth = pool.lease();
        drop(first);
        let third = third.await?;
        assert_eq!(third.command(&["ECHO", "x"]).await?.as_str(), Some("x"));
        drop(third);
        drop(fourth.await?);
        assert_eq!((pool.open(), pool.idle()), (1, 1));
        Ok(())
    });
}

#[test]
fn who_waits_too_long_for_a_connection_is_told_so() {
    story(|reactor, world| async move {
        let (_, _listener) = serve(&reactor);
        let pool = pool(&reactor, 1, 2);
        let lease = pool.lease().await?;
        let before = world.elapsed();
        assert!(matches!(pool.lease().await, Err(Failure::TimedOut)));
        let waited = world.elapsed() - before;
        assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(6), "{waited:?}");
        drop(lease);
        drop(pool.lease().await?);
        assert_eq!((pool.open(), pool.idle()), (1, 1), "nothing was given to who has left");
        Ok(())
    });
}

#[test]
fn a_connection_that_is_of_no_use_does_not_come_back() {
    story(|reactor, _| async move {
        let (shared, _listener) = serve(&reactor);
        let pool = pool(&reactor, 1, 2);
        // Its reply is still awaited.
        let lease = pool.lease().await?;
        let blocked = lease.command(&["BLOCK"]);
        let next = pool.lease();
        drop(lease);
        assert_eq!(said(blocked.await), "failed: the client is closed");
        assert_eq!(next.await?.command(&["INCR"]).await?, Value::Integer(1));
        assert_eq!((shared.made.get(), pool.open(), pool.idle()), (2, 1, 1));
        // The server closed it while it was leased, and while it was idle.
        let lease = pool.lease().await?;
        assert!(lease.command(&["CLOSE"]).await.is_err());
        drop(lease);
        assert_eq!((pool.open(), pool.idle()), (0, 0));
        drop(pool.lease().await?);
        assert_eq!((pool.open(), pool.idle()), (1, 1));
        shared.connected.borrow().iter().for_each(Transport::close);
        reactor.sleep(Duration::from_secs(1)).await?;
        assert_eq!(pool.command(&["INCR"]).await?, Value::Integer(2));
        Ok(())
    });
}

#[test]
fn a_pool_without_a_server_tells_each_who_waits() {
    story(|reactor, _| async move {
        let pool = pool(&reactor, 2, 100);
        let leases: Vec<_> = (0..7).map(|_| pool.lease()).collect();
        for lease in leases {
            let failure = said(lease.await.map(drop));
            assert!(failure.contains("refused"), "{failure}");
        }
        assert_eq!(pool.open(), 0);
        let (_, _listener) = serve(&reactor);
        assert_eq!(pool.command(&["INCR"]).await?, Value::Integer(1));
        Ok(())
    });
}

#[test]
fn a_closed_pool_leases_no_more() {
    story(|reactor, _| async move {
        let (shared, _listener) = serve(&reactor);
        let pool = pool(&reactor, 2, 100);
        let (lease, other) = (pool.lease().await?, pool.lease().await?);
        drop(other);
        let (_, waiting) = (pool.lease().await?, pool.command(&["INCR"]));
        pool.close();
        assert_eq!(said(pool.lease().await.map(drop)), "failed: the client is closed");
        assert!(waiting.await.is_err() || shared.counter.get() == 1);
        assert_eq!(lease.command(&["ECHO", "x"]).await?.as_str(), Some("x"), "what is leased stays");
        drop(lease);
        reactor.sleep(Duration::from_secs(5)).await?;
        assert_eq!((shared.open.get(), pool.open()), (0, 0));
        Ok(())
    });
}

#[test]
fn what_is_published_comes_to_those_who_subscribed() {
    story(|reactor, _| async move {
        let (_, _listener) = serve(&reactor);
        let client = Client::connect(&reactor, ENDPOINT).await?;
        let subscriber = Subscriber::connect(&reactor, ENDPOINT, ClientOptions::default()).await?;
        subscriber.subscribe(Topic::Channel, &["news", "rope"]).await?;
        assert_eq!(client.command(&["PUBLISH", "news", "one"]).await?, Value::Integer(1));
        assert_eq!(client.command(&["PUBLISH", "other", "two"]).await?, Value::Integer(0));
        assert_eq!(client.command(&["PUBLISH", "rope", "three"]).await?, Value::Integer(1));
        for (channel, payload) in [("news", "one"), ("rope", "three")] {
            let message = subscriber.next().await?;
            assert_eq!(
                (&message.channel[..], &message.payload[..]),
                (channel.as_bytes(), payload.as_bytes())
            );
        }
        // Many more than fit: they wait at the server, and all come.
        let count = 5000;
        let published: Vec<_> =
            (0..count).map(|index| client.command(&["PUBLISH", "news", &index.to_string()])).collect();
        for published in published {
            published.await?;
        }
        for index in 0..count {
            assert_eq!(subscriber.next().await?.payload, index.to_string());
        }
        Ok(())
    });
}

#[test]
fn a_subscriber_that_is_kept_connected_subscribes_again() {
    story(|reactor, _| async move {
        let backoff = Backoff::default();
        let subscriber = Subscriber::keep_connected(&reactor, ENDPOINT, ClientOptions::default(), backoff)?;
        let early = subscriber.subscribe(Topic::Channel, &["a"]);
        let (shared, _listener) = serve(&reactor);
        early.await?;
        subscriber.subscribe(Topic::Channel, &["b", "d", "c"]).await?;
        subscriber.unsubscribe(Topic::Channel, &["d"]).await?;
        let reader = subscriber.next();
        let (_, transport) = shared.subscribers.borrow()[0].clone();
        transport.abort();
        transport.closed().await?;
        reactor.sleep(Duration::from_secs(5)).await?;
        let names: Vec<_> = shared.subscribers.borrow().iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, [b"a", b"b", b"c"]);
        let client = Client::connect(&reactor, ENDPOINT).await?;
        client.command(&["PUBLISH", "c", "again"]).await?;
        assert_eq!(reader.await?.payload, "again");
        subscriber.close();
        assert_eq!(said(subscriber.next().await), "failed: the client is closed");
        reactor.sleep(Duration::from_secs(60)).await?;
        assert_eq!((shared.open.get(), shared.made.get()), (1, 3));
        Ok(())
    });
}

#[test]
fn a_silent_server_is_given_up_while_replies_are_awaited_and_not_else() {
    story(|reactor, world| async move {
        let (shared, _listener) = serve(&reactor);
        let limit = Duration::from_secs(3);
        let options = ClientOptions { reply_timeout: Some(limit), ..ClientOptions::default() };
        let client = Client::connect_with(&reactor, ENDPOINT, options).await?;
        for _ in 0..3 {
            client.command(&["INCR"]).await?;
            reactor.sleep(Duration::from_secs(10)).await?;
        }
        let before = world.elapsed();
        let blocked = [client.command(&["BLOCK"]), client.command(&["BLOCK"])];
        for blocked in blocked {
            assert_eq!(said(blocked.await), "failed: the server did not reply within 3s");
        }
        let waited = world.elapsed() - before;
        assert!(waited >= limit && waited < 2 * limit, "{waited:?}");
        reactor.sleep(limit).await?;
        assert_eq!(shared.open.get(), 0);
        Ok(())
    });
}

/// In a world where everything breaks: each command is answered once, by its own reply or by a
/// failure, and what the server has done is at least what it has said.
#[test]
fn under_every_fault_a_command_is_answered_once_and_by_its_own_reply() {
    let (answered, failed) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    explore(100, |seed| {
        let (engine, world) = Sim::new(seed, Faults { reset: 0.01, ..Faults::all() });
        let reactor = Reactor::with_engine(engine);
        let (shared, _listener) = serve(&reactor);
        let options =
            ClientOptions { reply_timeout: Some(Duration::from_secs(30)), ..ClientOptions::default() };
        let client = Client::keep_connected(&reactor, ENDPOINT, options, Backoff::default()).unwrap();
        let asking = reactor.clone();
        let (good, bad) = (answered.clone(), failed.clone());
        let before = answered.get();
        let outcome = reactor.block_on(async move {
            for round in 0..20 {
                let ask = |index: i32| {
                    let text = format!("{round}/{index}");
                    (client.command(&["ECHO", &text]), client.command(&["INCR"]), text)
                };
                let replies: Vec<_> = (0..10).map(ask).collect();
                let mut last = None;
                for (echo, count, text) in replies {
                    match echo.await {
                        Ok(value) => assert_eq!(value.as_str(), Some(&text[..])),
                        Err(failure) => assert!(ClientError::of(&failure).is_some(), "{failure}"),
                    }
                    match count.await {
                        Ok(count) => {
                            assert!(count.as_integer() > last, "{count:?} behind {last:?}");
                            last = count.as_integer();
                            good.set(good.get() + 1);
                        }
                        Err(failure) => {
                            assert!(ClientError::of(&failure).is_some(), "{failure}");
                            bad.set(bad.get() + 1);
                        }
                    }
                }
                asking.sleep(Duration::from_millis(20)).await?;
            }
            Ok(())
        });
        outcome.map_err(|failure| format!("{failure}, after {:?}", world.elapsed())).unwrap();
        assert!(shared.counter.get() >= answered.get() - before);
    });
    assert!(answered.get() > 0, "nothing was answered: the worlds prove nothing");
    eprintln!("{} were answered, {} failed", answered.get(), failed.get());
}
