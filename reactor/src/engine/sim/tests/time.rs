//! Virtual time, the trace, names, and the disk across worlds.

use super::super::*;
use super::play::{Play, internet};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_idle_wait_jumps_to_its_end_exactly() {
    let (mut sim, world) = Sim::new(1, Faults::none());
    let end = sim.now() + 7200 * SECOND;
    sim.wait(Some(end), &mut Vec::new()).unwrap();
    assert_eq!(sim.now(), end);
    assert_eq!(world.elapsed(), 7200 * SECOND);
}

#[test]
fn a_busy_loop_does_not_stop_time() {
    let (mut sim, world) = Sim::new(1, Faults::none());
    for _ in 0..1000 {
        let now = sim.now();
        sim.wait(Some(now), &mut Vec::new()).unwrap();
    }
    assert_eq!(world.elapsed(), Duration::from_millis(1));
}

#[test]
fn both_clocks_go_alike_and_begin_at_the_same_date() {
    let (mut sim, _) = Sim::new(1, Faults::none());
    let (now, date) = (sim.now(), sim.wall_clock());
    assert_eq!(date.duration_since(SystemTime::UNIX_EPOCH).unwrap(), EPOCH);
    sim.wait(Some(now + SECOND), &mut Vec::new()).unwrap();
    assert_eq!(sim.wall_clock().duration_since(date).unwrap(), sim.now() - now);
}

#[test]
fn a_wait_that_would_never_end_says_what_is_open() {
    let (mut sim, world) = Sim::new(1, Faults::none());
    sim.listen(&internet("0.0.0.0:80"), &ListenOptions::default()).unwrap();
    sim.bind_datagram(&internet("127.0.0.1:53"), &ListenOptions::default()).unwrap();
    sim.wait(None, &mut Vec::new()).expect("a fresh datagram socket can be written to");
    let error = sim.wait(None, &mut Vec::new()).unwrap_err();
    assert!(error.get_ref().is_some_and(|cause| cause.is::<IdleForEver>()));
    let text = error.to_string();
    assert!(text.contains("0.0.0.0:80") && text.contains("127.0.0.1:53"), "{text}");
    assert!(format!("{world:?}").contains("0.0.0.0:80"));
}

#[test]
fn a_wake_from_this_very_thread_ends_one_wait() {
    let (mut sim, world) = Sim::new(1, Faults::none());
    sim.waker().wake();
    sim.wait(None, &mut Vec::new()).unwrap();
    assert!(world.elapsed() < SECOND);
    assert!(sim.wait(None, &mut Vec::new()).is_err());
}

/// A little of everything.
fn story(seed: u64, text: &[u8]) -> (u64, Vec<String>) {
    let mut play = Play::new(seed, Faults::rough());
    let (client, server) = play.pair();
    let _ = play.send(client, text);
    let _ = play.receive(server);
    play.sim.close(client, Close::Graceful);
    (play.world.trace_hash(), play.world.trace_tail())
}

#[test]
fn the_same_seed_and_calls_give_the_same_trace() {
    assert_eq!(story(7, b"hello"), story(7, b"hello"));
    assert_ne!(story(7, b"hello").0, story(8, b"hello").0, "another seed");
    assert_ne!(story(7, b"hello").0, story(7, b"hellO").0, "another content");
}

#[test]
fn the_tail_shows_the_last_calls() {
    let (_, tail) = story(7, b"hello");
    assert!(tail[0].contains("listen"), "{tail:?}");
    assert!(tail.last().is_some_and(|line| line.contains("close")), "{tail:?}");
}

#[test]
fn jobs_take_some_virtual_time() {
    let (mut sim, _) = Sim::new(1, Faults { job_delay: SECOND, ..Faults::none() });
    let delays: Vec<Duration> = (0..20).filter_map(|_| sim.job_delay()).collect();
    assert_eq!(delays.len(), 20);
    assert!(delays.iter().all(|delay| *delay <= SECOND) && delays.iter().any(|delay| *delay > SECOND / 10));
}

#[test]
fn hosts_have_made_up_or_given_addresses() {
    let (mut sim, world) = Sim::new(1, Faults::none());
    assert_eq!(sim.resolve("localhost").unwrap().unwrap(), [IpAddr::from([127, 0, 0, 1])]);
    world.set_host("db.example", vec![IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(sim.resolve("db.example").unwrap().unwrap(), [IpAddr::from([192, 0, 2, 1])]);
    world.set_host("db.example", vec![]);
    assert!(sim.resolve("db.example").unwrap().is_err());
    let made_up = sim.resolve("other.example").unwrap().unwrap()[0];
    let mut play = Play::new(1, Faults::none());
    let (listener, _) = play.listen("0.0.0.0:80");
    let client = play.dial(&SocketAddr::new(made_up, 80).into());
    let server = play.accept(listener).unwrap();
    assert_eq!(play.address(server).ip(), Some(made_up), "the one host has every address");
    play.outcome(client).unwrap();
}

#[test]
fn a_disk_outlives_its_world() {
    let path = std::path::Path::new("kept");
    let (sim, world) = Sim::new(1, Faults::none());
    sim.storage().replace(path, b"content").unwrap();
    let disk = world.disk();
    drop((sim, world));
    disk.crash();
    let (sim, _) = Sim::on_disk(2, Faults::none(), disk);
    assert_eq!(sim.storage().open_existing(path).unwrap().length().unwrap(), 7);
}

#[test]
fn the_reactors_seed_is_the_worlds_but_not_the_networks() {
    let (sim, world) = Sim::new(99, Faults::none());
    assert_eq!((sim.seed(), world.seed()), (99, 99));
    assert_ne!(sim.network.borrow().random, crate::random::Random::new(99));
}
