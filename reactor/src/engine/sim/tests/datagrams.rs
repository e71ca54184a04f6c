//! Datagrams: what may happen to them, and what may not.

use super::super::*;
use super::play::internet;
use std::io::ErrorKind;

const SECOND: Duration = Duration::from_secs(1);

struct Post {
    sim: Sim,
    world: World,
    sender: Token,
    receiver: Token,
    to: Address,
}

fn post(faults: Faults) -> Post {
    let (mut sim, world) = Sim::new(5, faults);
    let options = ListenOptions::default();
    let (sender, _) = sim.bind_datagram(&internet("0.0.0.0:0"), &options).unwrap();
    let (receiver, _) = sim.bind_datagram(&internet("0.0.0.0:53"), &options).unwrap();
    Post { sim, world, sender, receiver, to: internet("10.0.0.1:53") }
}

impl Post {
    fn send(&mut self, number: u8) {
        self.sim.send_to(self.sender, &[number], &self.to).unwrap();
    }

    /// What arrives, after all this time.
    fn arrived(&mut self) -> Vec<u8> {
        let end = self.sim.now() + SECOND;
        while self.sim.now() < end {
            self.sim.wait(Some(end), &mut Vec::new()).unwrap();
        }
        let mut all = BytesMut::with_capacity(1000);
        while let Ok((_, from)) = self.sim.receive_from(self.receiver, &mut all) {
            assert_eq!(from.ip(), Some([10, 0, 0, 1].into()), "the host has that address too");
        }
        all.to_vec()
    }
}

#[test]
fn without_faults_all_arrive_in_order() {
    let mut post = post(Faults::none());
    (0..100).for_each(|number| post.send(number));
    assert_eq!(post.arrived(), (0..100).collect::<Vec<u8>>());
}

#[test]
fn some_are_lost_some_doubled_some_overtaken() {
    let mut lossy = post(Faults { datagram_loss: 0.3, ..Faults::none() });
    (0..100).for_each(|number| lossy.send(number));
    let left = lossy.arrived();
    assert!((50..90).contains(&left.len()) && left.is_sorted(), "{left:?}");

    let mut doubling = post(Faults { datagram_duplicate: 0.3, ..Faults::none() });
    (0..100).for_each(|number| doubling.send(number));
    let doubled = doubling.arrived();
    assert!((110..150).contains(&doubled.len()) && doubled.is_sorted(), "{doubled:?}");

    let mut shuffling = post(Faults { datagram_reorder: 0.3, ..Faults::none() });
    (0..100).for_each(|number| shuffling.send(number));
    let mut shuffled = shuffling.arrived();
    assert!(!shuffled.is_sorted(), "{shuffled:?}");
    shuffled.sort_unstable();
    assert_eq!(shuffled, (0..100).collect::<Vec<u8>>());
}

#[test]
fn a_full_receiver_and_a_cut_lose_them_silently() {
    let mut post = post(Faults::none());
    let big = vec![0; 60_000];
    for _ in 0..10 {
        post.sim.send_to(post.sender, &big, &post.to).unwrap();
    }
    assert_eq!(post.arrived().len(), 1000, "the first one's beginning");
    post.world.cut(&post.to);
    post.send(1);
    assert!(post.arrived().is_empty());
    post.world.heal(&post.to);
    post.send(2);
    assert_eq!(post.arrived(), [2]);
}

#[test]
fn what_nobody_wants_or_no_packet_holds_goes_nowhere() {
    let mut post = post(Faults::none());
    post.sim.send_to(post.sender, b"x", &internet("10.0.0.1:54")).unwrap();
    let error = post.sim.send_to(post.sender, &[0; 65_508], &post.to).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    let error = post.sim.send_to(post.sender, b"x", &Address::unix("/x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(post.arrived().is_empty());
}

#[test]
fn local_ones_are_refused_or_wait_for_room() {
    let (mut sim, _) = Sim::new(1, Faults { datagram_loss: 1.0, ..Faults::none() });
    let options = ListenOptions::default();
    let (sender, _) = sim.bind_datagram(&Address::Unix(None), &options).unwrap();
    let path = Address::unix("/run/log");
    assert_eq!(sim.send_to(sender, b"x", &path).unwrap_err().kind(), ErrorKind::NotFound);
    let (receiver, _) = sim.bind_datagram(&path, &options).unwrap();
    sim.wait(Some(sim.now() + SECOND), &mut Vec::new()).unwrap();
    let mut sent = 0;
    while sim.send_to(sender, &[0; 10_000], &path).is_ok() {
        sent += 1;
    }
    assert!((20..30).contains(&sent), "{sent}");
    let mut news = Vec::new();
    sim.wait(Some(sim.now() + SECOND), &mut news).unwrap();
    assert!(news.iter().all(|item| item.token == receiver), "{news:?}");
    let mut into = BytesMut::with_capacity(10_000);
    assert_eq!(sim.receive_from(receiver, &mut into).unwrap(), (10_000, Address::Unix(None)));
    news.clear();
    sim.wait(Some(sim.now() + SECOND), &mut news).unwrap();
    assert_eq!(news, [News { token: sender, readable: false, writable: true }]);
    sim.send_to(sender, &[0; 10_000], &path).unwrap();
}
