//! The whole server in simulated worlds, where the network delays, splits and breaks what is sent. The one rule:
//! what a client was told has happened, and happened whole; of what it was not told it knows nothing.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_kv::Kv;
use ropewalk_protocols::resp::{Client, ClientError, ClientOptions, Value};
use ropewalk_reactor::random::Random;
use ropewalk_reactor::testing::{Faults, Sim, World, explore};
use ropewalk_reactor::{Deferred, Failure, Reactor, Result};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

const ENDPOINT: &str = "tcp:127.0.0.1:6379";

/// Longer than anything here takes that is not lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network that is awkward, but loses nothing.
fn awkward() -> Faults {
    Faults::rough()
}

/// A network that breaks connections too, often.
fn broken() -> Faults {
    Faults { reset: 0.004, half_open: 0.0005, ..Faults::all() }
}

/// A server in a world, and the seed's choices for those who use it.
struct Stage {
    reactor: Reactor,
    world: World,
    random: RefCell<Random>,
    _kv: Kv,
}

impl Stage {
    fn new(seed: u64, faults: Faults) -> Rc<Self> {
        let (engine, world) = Sim::new(seed, faults);
        let reactor = Reactor::with_engine(engine);
        let kv = Kv::new(&reactor);
        reactor.listen("tcp:6379:interface=127.0.0.1", kv.factory()).unwrap();
        Rc::new(Self { reactor, world, random: RefCell::new(Random::new(seed)), _kv: kv })
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.borrow_mut().below(bound)
    }

    async fn sleep_ms(&self, ms: u64) {
        self.reactor.sleep(Duration::from_millis(ms)).await.unwrap();
    }

    /// A connection; attempts that fail are made again.
    async fn connect(&self) -> Client {
        let options = ClientOptions { reply_timeout: Some(PATIENCE), ..ClientOptions::default() };
        loop {
            if let Ok(client) = Client::connect_with(&self.reactor, ENDPOINT, options.clone()).await {
                return client;
            }
            self.sleep_ms(20).await;
        }
    }

    /// Play these roles at the same time, to their ends.
    fn play(self: &Rc<Self>, roles: Vec<Deferred<()>>) {
        let outcome = self.reactor.block_on(async move {
            for role in roles {
                role.await?;
            }
            Ok(())
        });
        outcome.map_err(|failure| format!("{failure}, after {:?}", self.world.elapsed())).unwrap();
    }

    /// From here on nothing breaks, so that what has happened can be looked at.
    fn calm_down(&self) {
        self.world.set_faults(awkward());
    }
}

/// Whether the connection was lost on the way; an error that was answered is no such thing.
fn is_lost(failure: &Failure) -> bool {
    ClientError::of(failure).is_some()
}

fn integers(value: Value) -> Vec<i64> {
    value.into_values().unwrap().iter().map(|value| value.as_integer().unwrap()).collect()
}

/// Send commands without waiting in between; the reply of the last.
async fn pipeline(client: &Client, commands: &[&[&str]]) -> Result<Value> {
    let mut replies: Vec<_> = commands.iter().map(|command| client.command(command)).collect();
    let last = replies.pop().unwrap();
    for reply in replies {
        reply.await?;
    }
    last.await
}

/// Money is moved between accounts, each time in a transaction; whoever looks sees all of it.
#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    const ACCOUNTS: u64 = 4;
    let (moved, looked) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    explore(60, |seed| {
        let stage = Stage::new(seed, broken());
        let movers = (0..4).map(|_| {
            let (stage, moved) = (stage.clone(), moved.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let mut client = stage.connect().await;
                for _ in 0..20 {
                    let (from, to) = (stage.below(ACCOUNTS).to_string(), stage.below(ACCOUNTS).to_string());
                    let amount = stage.below(100).to_string();
                    let transfer: [&[&str]; 4] =
                        [&["MULTI"], &["DECRBY", &from, &amount], &["INCRBY", &to, &amount], &["EXEC"]];
                    match pipeline(&client, &transfer).await {
                        Ok(done) => {
                            assert_eq!(done.into_values().unwrap().len(), 2);
                            moved.set(moved.get() + 1);
                        }
                        Err(failure) if is_lost(&failure) => client = stage.connect().await,
                        Err(failure) => return Err(failure),
                    }
                    stage.sleep_ms(stage.below(10)).await;
                }
                Ok(())
            })
        });
        let lookers = (0..2).map(|_| {
            let (stage, looked) = (stage.clone(), looked.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let mut client = stage.connect().await;
                for _ in 0..40 {
                    match client.command(&["MGET", "0", "1", "2", "3"]).await {
                        Ok(balances) => {
                            let balances = balances.into_values().unwrap();
                            let balances = balances
                                .iter()
                                .map(|value| value.as_str().map_or(0, |text| text.parse::<i64>().unwrap()));
                            assert_eq!(balances.sum::<i64>(), 0, "half a transaction was seen");
                            looked.set(looked.get() + 1);
                        }
                        Err(_) => client = stage.connect().await,
                    }
                    stage.sleep_ms(stage.below(5)).await;
                }
                Ok(())
            })
        });
        stage.play(movers.chain(lookers).collect());
    });
    assert!(moved.get() > 1000 && looked.get() > 1000, "the worlds prove nothing");
}

/// A counter is read, and set to one more if nobody has changed it meanwhile.
#[test]
fn no_two_transactions_that_watch_a_key_build_on_the_same_value() {
    let (won, lost) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    explore(60, |seed| {
        let stage = Stage::new(seed, broken());
        // What was answered, and what may have happened though it was not.
        let taken: Rc<RefCell<BTreeSet<i64>>> = Rc::default();
        let unknown = Rc::new(Cell::new(0));
        let roles = (0..4).map(|_| {
            let (stage, taken, unknown) = (stage.clone(), taken.clone(), unknown.clone());
            let (won, lost) = (won.clone(), lost.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let mut client = stage.connect().await;
                for _ in 0..15 {
                    let Ok(before) = pipeline(&client, &[&["WATCH", "n"], &["GET", "n"]]).await else {
                        client = stage.connect().await;
                        continue;
                    };
                    let before = before.as_str().map_or(0, |text| text.parse::<i64>().unwrap());
                    stage.sleep_ms(stage.below(4)).await;
                    let after = (before + 1).to_string();
                    match pipeline(&client, &[&["MULTI"], &["SET", "n", &after], &["EXEC"]]).await {
                        Ok(Value::Null) => lost.set(lost.get() + 1),
                        Ok(_) => {
                            assert!(taken.borrow_mut().insert(before + 1), "{before} was built on twice");
                            won.set(won.get() + 1);
                        }
                        Err(failure) if is_lost(&failure) => {
                            unknown.set(unknown.get() + 1);
                            client = stage.connect().await;
                        }
                        Err(failure) => return Err(failure),
                    }
                }
                Ok(())
            })
        });
        stage.play(roles.collect());
        stage.calm_down();
        let (last, asking) = (Rc::new(Cell::new(0)), stage.clone());
        let seen = last.clone();
        stage.play(vec![stage.reactor.clone().spawn(async move {
            let client = asking.connect().await;
            let value = client.command(&["GET", "n"]).await?;
            seen.set(value.as_str().map_or(0, |text| text.parse::<i64>().unwrap()));
            Ok(())
        })]);
        let (told, untold) = (taken.borrow().len() as i64, unknown.get());
        assert!(told <= last.get() && last.get() <= told + untold, "{} of {told} and {untold}", last.get());
        assert!(taken.borrow().last().is_none_or(|largest| *largest <= last.get()));
    });
    assert!(
        won.get() > 500 && lost.get() > 100,
        "{} won, {} lost: the worlds prove nothing",
        won.get(),
        lost.get()
    );
}

/// Keys are set with an expiry, each once; whoever reads one later than that finds nothing, for ever.
#[test]
fn a_key_that_has_expired_does_not_return() {
    let (found, gone) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    explore(60, |seed| {
        let stage = Stage::new(seed, broken());
        // Until when each key may be there, at the latest.
        let latest: Rc<RefCell<BTreeMap<String, Duration>>> = Rc::default();
        let seen_gone: Rc<RefCell<BTreeSet<String>>> = Rc::default();
        let roles = (0..3_u64).map(|number| {
            let (stage, latest, seen_gone) = (stage.clone(), latest.clone(), seen_gone.clone());
            let (found, gone) = (found.clone(), gone.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let mut client = stage.connect().await;
                for round in 0..30 {
                    let key = format!("{number}:{round}");
                    let life_ms = 1 + stage.below(60);
                    let expiring: &[&[&str]] = match stage.below(3) {
                        0 => &[&["SET", &key, "v", "PX", &life_ms.to_string()]],
                        1 => &[
                            &["MULTI"],
                            &["SET", &key, "v"],
                            &["PEXPIRE", &key, &life_ms.to_string()],
                            &["EXEC"],
                        ],
                        _ => &[&["PSETEX", &key, &life_ms.to_string(), "v"]],
                    };
                    match pipeline(&client, expiring).await {
                        Ok(_) => {
                            let until = stage.world.elapsed() + Duration::from_millis(life_ms);
                            latest.borrow_mut().insert(key, until);
                        }
                        Err(_) => client = stage.connect().await,
                    }
                    let known: Vec<_> = latest.borrow().keys().cloned().collect();
                    for _ in 0..stage.below(4) {
                        let Some(key) = known.get(stage.below(known.len().max(1) as u64) as usize) else {
                            break;
                        };
                        let (asked, was_gone) = (stage.world.elapsed(), seen_gone.borrow().contains(key));
                        let read = if stage.below(2) == 0 { ["GET", key] } else { ["GETDEL", key] };
                        match client.command(&read).await {
                            Ok(Value::Null) => {
                                gone.set(gone.get() + 1);
                                seen_gone.borrow_mut().insert(key.clone());
                            }
                            Ok(_) => {
                                assert!(!was_gone, "{key} has returned");
                                assert!(asked <= latest.borrow()[key], "{key} outlived its time");
                                found.set(found.get() + 1);
                            }
                            Err(_) => client = stage.connect().await,
                        }
                    }
                    stage.sleep_ms(stage.below(10)).await;
                }
                Ok(())
            })
        });
        stage.play(roles.collect());
    });
    assert!(found.get() > 500 && gone.get() > 500, "{} found, {} gone", found.get(), gone.get());
}

/// Whoever waits gets something as long as there is anything; nothing is given away twice, or lost to nobody.
#[test]
fn whoever_waits_is_served_and_nothing_is_served_twice() {
    explore(60, |seed| {
        let stage = Stage::new(seed, awkward());
        let popped: Rc<RefCell<BTreeSet<String>>> = Rc::default();
        const PRODUCERS: u64 = 3;
        const ITEMS: u64 = 30;
        let done = Rc::new(Cell::new(0));
        let producers = (0..PRODUCERS).map(|number| {
            let (stage, done) = (stage.clone(), done.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let client = stage.connect().await;
                for round in 0..ITEMS / 3 {
                    let items: Vec<String> = (0..3).map(|item| format!("{number}/{round}/{item}")).collect();
                    let list = ["a", "b", "c"][stage.below(3) as usize];
                    match stage.below(3) {
                        0 => drop(client.command(&["RPUSH", list, &items[0], &items[1], &items[2]]).await?),
                        1 => {
                            let push: [&[&str]; 4] = [
                                &["MULTI"],
                                &["LPUSH", list, &items[0], &items[1]],
                                &["RPUSH", "a", &items[2]],
                                &["EXEC"],
                            ];
                            pipeline(&client, &push).await?;
                        }
                        _ => {
                            // Through another list, and back.
                            client.command(&["RPUSH", "side", &items[0], &items[1], &items[2]]).await?;
                            for _ in 0..3 {
                                client.command(&["BLMOVE", "side", list, "LEFT", "RIGHT", "0"]).await?;
                            }
                        }
                    }
                    stage.sleep_ms(stage.below(6)).await;
                }
                done.set(done.get() + 1);
                Ok(())
            })
        });
        let consumers = (0..5).map(|_| {
            let (stage, popped, done) = (stage.clone(), popped.clone(), done.clone());
            let reactor = stage.reactor.clone();
            reactor.spawn(async move {
                let client = stage.connect().await;
                loop {
                    let patience = if stage.below(2) == 0 { "0.02" } else { "1" };
                    let command: &[&str] = match stage.below(3) {
                        0 => &["BLPOP", "a", "b", "c", patience],
                        1 => &["BRPOP", "c", "b", "a", patience],
                        _ => &["BLMPOP", patience, "3", "b", "a", "c", "LEFT", "COUNT", "2"],
                    };
                    match client.command(command).await? {
                        // Nobody brings anything any more, and there was nothing.
                        Value::Null if done.get() == PRODUCERS => return Ok(()),
                        Value::Null => {}
                        reply => {
                            let reply = reply.into_values().unwrap();
                            let items = match &reply[1] {
                                Value::Array(items) => items.clone(),
                                item => vec![item.clone()],
                            };
                            for item in items {
                                let item = item.as_str().unwrap().to_owned();
                                assert!(popped.borrow_mut().insert(item), "something was served twice");
                            }
                        }
                    }
                }
            })
        });
        stage.play(producers.chain(consumers).collect());
        assert_eq!(popped.borrow().len() as u64, PRODUCERS * ITEMS, "something was lost");
    });
}

/// Connections break while their clients wait: those who are left, and those who come again, are served.
#[test]
fn a_client_that_vanishes_while_it_waits_keeps_nobody_waiting() {
    let served = Rc::new(Cell::new(0));
    explore(60, |seed| {
        let stage = Stage::new(seed, broken());
        let stop = Rc::new(Cell::new(false));
        let consumers: Vec<_> = (0..4)
            .map(|_| {
                let (stage, stop, served) = (stage.clone(), stop.clone(), served.clone());
                let reactor = stage.reactor.clone();
                reactor.spawn(async move {
                    let mut client = stage.connect().await;
                    while !stop.get() {
                        match client.command(&["BLPOP", "jobs", "0.5"]).await {
                            Ok(Value::Null) => {}
                            Ok(_) => served.set(served.get() + 1),
                            Err(_) => client = stage.connect().await,
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        let producing = stage.clone();
        let producer = stage.reactor.clone().spawn(async move {
            let mut client = producing.connect().await;
            for job in 0..40 {
                if client.command(&["RPUSH", "jobs", &job.to_string()]).await.is_err() {
                    client = producing.connect().await;
                }
                producing.sleep_ms(producing.below(10)).await;
            }
            // Consumers wait, so nothing may be left, and soon.
            producing.calm_down();
            let client = producing.connect().await;
            producing.sleep_ms(100).await;
            let left = client.command(&["LLEN", "jobs"]).await?;
            assert_eq!(left, Value::Integer(0), "somebody was forgotten");
            stop.set(true);
            Ok(())
        });
        stage.play(vec![producer]);
        stage.play(consumers);
    });
    assert!(served.get() > 500, "{} were served: the worlds prove nothing", served.get());
}

/// Who has waited longest is served first, and each client's replies keep their order.
#[test]
fn waiting_is_in_order() {
    explore(30, |seed| {
        let stage = Stage::new(seed, Faults { latency: Duration::from_millis(1), ..Faults::none() });
        let order: Rc<RefCell<Vec<usize>>> = Rc::default();
        let mut roles = Vec::new();
        for number in 0..6 {
            let (staged, order) = (stage.clone(), order.clone());
            roles.push(stage.reactor.clone().spawn(async move {
                let client = staged.connect().await;
                // One after the other, and some wait for other keys as well.
                staged.sleep_ms(10 + 10 * number as u64).await;
                let keys = ["other", "queue", "another"];
                let from = staged.below(2) as usize;
                let command = [&["BLPOP"], &keys[from..], &["0"]].concat();
                let behind = client.command(&["ECHO", "behind"]);
                client.command(&command).await?;
                order.borrow_mut().push(number);
                assert_eq!(behind.await?.as_str(), Some("behind"));
                Ok(())
            }));
        }
        let staged = stage.clone();
        roles.push(stage.reactor.clone().spawn(async move {
            let client = staged.connect().await;
            staged.sleep_ms(200).await;
            let pushes: [&[&str]; 4] =
                [&["MULTI"], &["RPUSH", "queue", "1", "2"], &["RPUSH", "queue", "3"], &["EXEC"]];
            assert_eq!(integers(pipeline(&client, &pushes).await?), [2, 3]);
            client.command(&["RPUSH", "queue", "4", "5", "6", "7"]).await?;
            staged.sleep_ms(50).await;
            assert_eq!(
                client.command(&["LRANGE", "queue", "0", "-1"]).await?.into_values().unwrap().len(),
                1
            );
            Ok(())
        }));
        stage.play(roles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}
