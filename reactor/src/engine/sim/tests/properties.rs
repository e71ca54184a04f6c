//! A thousand worlds: what arrives is what was sent, in order, up to some point; an end is seen after
//! everything before it; where nothing breaks all of it arrives; and a seed is a world.

use super::super::*;
use super::play::Play;
use crate::random::Random;
use std::collections::BTreeMap;
use std::io::ErrorKind;

/// One end of a conversation: it says so much, and listens.
struct Talker {
    token: Token,
    voice: u8,
    total: usize,
    sent: usize,
    received: usize,
    connected: bool,
    shut: bool,
    /// How hearing ended.
    heard: Option<Ending>,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    TheEnd,
    Broken(ErrorKind),
}

/// How much somebody says: anything up to 16 KiB, short speeches as often as long ones.
fn length(random: &mut Random) -> usize {
    let most = 1 << random.below(15);
    random.index(most + 1)
}

/// The byte at a place of what a voice says.
fn byte(voice: u8, place: usize) -> u8 {
    (place.wrapping_mul(31) + place / 251) as u8 ^ voice
}

impl Talker {
    fn new(token: Token, voice: u8, total: usize) -> Self {
        let (connected, shut, closed) = (voice == 0, false, false);
        Self { token, voice, total, sent: 0, received: 0, connected, shut, heard: None, closed }
    }

    fn act(&mut self, play: &mut Play, random: &mut Random) -> Result<(), ErrorKind> {
        if self.closed {
            return Ok(());
        }
        if !self.connected && play.is_writable(self.token) {
            match play.sim.connected(self.token) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                outcome => outcome.map_err(|error| error.kind())?,
            }
            self.connected = true;
        }
        if self.connected {
            self.listen(play, random)?;
            self.talk(play, random)?;
        }
        Ok(())
    }

    fn talk(&mut self, play: &mut Play, random: &mut Random) -> Result<(), ErrorKind> {
        for _ in 0..4 {
            if self.sent == self.total || !play.is_writable(self.token) {
                break;
            }
            let count = 1 + random.index((self.total - self.sent).min(5000));
            let words: Vec<u8> =
                (self.sent..self.sent + count).map(|place| byte(self.voice, place)).collect();
            match play.send(self.token, &words) {
                Ok(count) => self.sent += count,
                Err(ErrorKind::WouldBlock) => {}
                Err(kind) => return Err(kind),
            }
        }
        if self.sent == self.total && !self.shut && play.sim.unsent(self.token) == 0 {
            self.shut = true;
            play.sim.shutdown_write(self.token).map_err(|error| error.kind())?;
        }
        Ok(())
    }

    fn listen(&mut self, play: &mut Play, random: &mut Random) -> Result<(), ErrorKind> {
        while play.is_readable(self.token) && self.heard.is_none() {
            let room = 1 + random.index(3000);
            match play.receive_now(self.token, room) {
                Ok(bytes) if bytes.is_empty() => self.heard = Some(Ending::TheEnd),
                Ok(bytes) => {
                    for &heard in &bytes {
                        assert_eq!(heard, byte(self.voice ^ 1, self.received), "at {}", self.received);
                        self.received += 1;
                    }
                }
                Err(ErrorKind::WouldBlock) => {}
                Err(kind) => return Err(kind),
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.closed || (self.shut && self.heard.is_some())
    }
}

/// How a conversation ended: for either side, and what the world's hash was.
struct Outcome {
    endings: [Option<Ending>; 2],
    whole: bool,
    hash: u64,
}

/// Two talk until both are done, or nothing happens any more.
fn conversation(seed: u64, faults: Faults, rude: f64) -> Outcome {
    let mut play = Play::new(seed, faults);
    let mut random = Random::new(seed ^ 0x7a1c);
    let (listener, address) = play.listen("0.0.0.0:80");
    let dialer = play.dial(&address);
    let mut talkers = vec![Talker::new(dialer, 1, length(&mut random))];
    let mut silent_waits = 0;
    while silent_waits < 40 && !(talkers.len() == 2 && talkers.iter().all(Talker::is_done)) {
        if talkers.len() == 1 && play.is_readable(listener) {
            match play.sim.accept(listener) {
                Ok((token, _)) => talkers.push(Talker::new(token, 0, length(&mut random))),
                Err(error) => assert!(
                    error.kind() == ErrorKind::WouldBlock
                        || error.kind() == ErrorKind::ConnectionAborted
                        || error.raw_os_error() == Some(libc::EMFILE),
                    "{error}"
                ),
            }
        }
        for talker in &mut talkers {
            if let Err(kind) = talker.act(&mut play, &mut random) {
                talker.heard = Some(Ending::Broken(kind));
                talker.closed = true;
                play.sim.close(talker.token, Close::Graceful);
            } else if !talker.closed && random.chance(rude) {
                talker.closed = true;
                let how = if random.chance(0.5) { Close::Graceful } else { Close::Abort };
                play.sim.close(talker.token, how);
            }
        }
        check(&talkers, &play);
        silent_waits = if play.wait(Duration::from_secs(60)) > 0 { 0 } else { silent_waits + 1 };
    }
    let ending = |index: usize| talkers.get(index).and_then(|talker| talker.heard);
    let whole = talkers.len() == 2 && (0..2).all(|index| talkers[index].received == talkers[1 - index].total);
    Outcome { endings: [ending(0), ending(1)], whole, hash: play.world.trace_hash() }
}

/// What holds at any time.
fn check(talkers: &[Talker], play: &Play) {
    let [one, other] = talkers else { return };
    for (speaker, hearer) in [(one, other), (other, one)] {
        let tail = || play.world.trace_tail().join("\n");
        assert!(hearer.received <= speaker.sent, "more was heard than said");
        if hearer.heard == Some(Ending::TheEnd) {
            assert!(speaker.shut || speaker.closed, "an end out of nowhere:\n{}", tail());
            assert_eq!(hearer.received, speaker.sent, "an end in the middle:\n{}", tail());
        }
    }
}

#[test]
fn on_a_rough_network_all_of_it_arrives_in_a_thousand_worlds() {
    for seed in 0..1000 {
        let outcome = conversation(seed, Faults::rough(), 0.0);
        assert!(outcome.whole, "seed {seed}: {:?}", outcome.endings);
        assert_eq!(outcome.endings, [Some(Ending::TheEnd); 2], "seed {seed}");
    }
}

#[test]
fn with_all_faults_what_arrives_is_a_prefix_in_a_thousand_worlds() {
    let mut seen: BTreeMap<Option<Ending>, u32> = BTreeMap::new();
    for seed in 0..1000 {
        let outcome = conversation(seed, Faults { reset: 0.005, half_open: 0.003, ..Faults::all() }, 0.001);
        for ending in outcome.endings {
            *seen.entry(ending).or_default() += 1;
        }
    }
    let broken = [
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
        ErrorKind::TimedOut,
        ErrorKind::ConnectionRefused,
    ];
    let endings = broken.map(|kind| Some(Ending::Broken(kind)));
    for ending in endings.into_iter().chain([None, Some(Ending::TheEnd)]) {
        assert!(seen.get(&ending).is_some_and(|count| *count >= 10), "{ending:?} was hardly seen: {seen:?}");
    }
}

#[test]
fn a_seed_is_a_world() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let first = conversation(seed, Faults::all(), 0.001).hash;
        assert_eq!(first, conversation(seed, Faults::all(), 0.001).hash, "seed {seed}");
        hashes.insert(first);
    }
    assert_eq!(hashes.len(), 50);
}

#[test]
fn many_connections_in_one_rough_world_do_not_mix() {
    let mut play = Play::new(11, Faults::rough());
    let mut random = Random::new(11);
    let pairs: Vec<(Token, Token)> = (0..30).map(|_| play.pair()).collect();
    let mut talkers: Vec<Talker> = Vec::new();
    for (number, (client, server)) in pairs.into_iter().enumerate() {
        let voice = 2 * number as u8;
        for (token, voice) in [(client, voice), (server, voice + 1)] {
            let mut talker = Talker::new(token, voice, 3000 + random.index(3000));
            talker.connected = true;
            talkers.push(talker);
        }
    }
    while !talkers.iter().all(Talker::is_done) {
        for talker in &mut talkers {
            talker.act(&mut play, &mut random).expect("nothing breaks");
        }
        play.wait(Duration::from_secs(60));
        assert!(play.world.elapsed() < Duration::from_secs(600), "it hangs");
    }
    for pair in talkers.chunks(2) {
        assert_eq!((pair[0].received, pair[1].received), (pair[1].total, pair[0].total));
    }
}
