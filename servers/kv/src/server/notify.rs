//! Keyspace notifications: which events are published, and how they are named. The one rule: a class that
//! nobody asked for costs one comparison.

use bitflags::bitflags;

bitflags! {
    /// Classes of events, and the two ways of publishing them: `notify-keyspace-events`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Notify: u32 {
        /// `K`: publish under the key's name, `__keyspace@0__:key`.
        const KEYSPACE = 1;
        /// `E`: publish under the event's name, `__keyevent@0__:del`.
        const KEYEVENT = 1 << 1;
        /// `g`: commands of no kind: DEL, EXPIRE, RENAME.
        const GENERIC = 1 << 2;
        /// `$`: strings.
        const STRING = 1 << 3;
        /// `l`: lists.
        const LIST = 1 << 4;
        /// `s`: sets.
        const SET = 1 << 5;
        /// `h`: hashes.
        const HASH = 1 << 6;
        /// `z`: sorted sets.
        const ZSET = 1 << 7;
        /// `x`: keys that expired.
        const EXPIRED = 1 << 8;
        /// `e`: keys that were evicted.
        const EVICTED = 1 << 9;
        /// `t`: streams.
        const STREAM = 1 << 10;
        /// `m`: keys that were asked for and are not there; not part of `A`.
        const KEY_MISS = 1 << 11;
        /// `d`: modules.
        const MODULE = 1 << 13;
        /// `n`: keys that were not there before; not part of `A`.
        const NEW = 1 << 14;
        /// `A`: all of them but misses and new keys.
        const ALL = Self::GENERIC.bits() | Self::STRING.bits() | Self::LIST.bits() | Self::SET.bits()
            | Self::HASH.bits() | Self::ZSET.bits() | Self::EXPIRED.bits() | Self::EVICTED.bits()
            | Self::STREAM.bits() | Self::MODULE.bits();
    }
}

/// The letter of each, in the order in which Redis prints them.
const LETTERS: [(u8, Notify); 15] = [
    (b'g', Notify::GENERIC),
    (b'$', Notify::STRING),
    (b'l', Notify::LIST),
    (b's', Notify::SET),
    (b'h', Notify::HASH),
    (b'z', Notify::ZSET),
    (b'x', Notify::EXPIRED),
    (b'e', Notify::EVICTED),
    (b't', Notify::STREAM),
    (b'd', Notify::MODULE),
    (b'n', Notify::NEW),
    (b'K', Notify::KEYSPACE),
    (b'E', Notify::KEYEVENT),
    (b'm', Notify::KEY_MISS),
    (b'A', Notify::ALL),
];

impl Notify {
    /// What these letters mean, in any order; none if one of them means nothing.
    pub(crate) fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self::empty(), |flags, letter| {
            let (_, flag) = LETTERS.iter().find(|(known, _)| known == letter)?;
            Some(flags | *flag)
        })
    }

    /// The letters, as CONFIG GET prints them: `A` stands for all that it holds.
    pub(crate) fn letters(self) -> String {
        let all = self.contains(Self::ALL);
        let single = LETTERS.iter().filter(|(letter, flag)| {
            // Where all are meant, Redis leaves out `n` as well.
            let implied = Self::ALL | Self::NEW;
            *letter != b'A' && self.contains(*flag) && !(all && implied.contains(*flag))
        });
        all.then_some('A').into_iter().chain(single.map(|(letter, _)| char::from(*letter))).collect()
    }

    /// Whether an event of this class is published at all.
    pub(crate) fn wants(self, class: Self) -> bool {
        self.intersects(class) && self.intersects(Self::KEYSPACE | Self::KEYEVENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_printed_as_redis_does() {
        for (letters, printed) in
            [("", ""), ("KEA", "AKE"), ("Kg$lshzxet", "g$lshzxetK"), ("KEAmn", "AKEm"), ("g$lshzxetdE", "AE")]
        {
            assert_eq!(Notify::parse(letters.as_bytes()).unwrap().letters(), printed);
        }
        assert_eq!(Notify::parse(b"KEq"), None);
    }

    #[test]
    fn without_a_way_to_publish_nothing_is_wanted() {
        assert!(!Notify::parse(b"A").unwrap().wants(Notify::SET));
        assert!(!Notify::parse(b"Kh").unwrap().wants(Notify::SET));
        assert!(Notify::parse(b"Ks").unwrap().wants(Notify::SET));
    }
}
