//! BITFIELD: integers of any width at any bit. The one rule: all operations are read before the first is done.

use super::{bytes_up_to, checked_bit};
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::notify::Notify;
use ropewalk_protocols::resp::{ReplyWriter, number};

/// An integer's width, and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Type {
    bits: u32,
    is_signed: bool,
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Overflow {
    /// The bits that there is room for.
    #[default]
    Wrap,
    /// The nearest that fits.
    Saturate,
    /// Nothing.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operation {
    kind: Type,
    /// The bit where the integer begins.
    offset: usize,
    action: Action,
}

impl Type {
    /// `u8`, `i64`: up to 64 bits with a sign, and 63 without.
    fn parse(name: &[u8]) -> Result<Self, Error> {
        let invalid = Error::text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        );
        let (is_signed, bits) = match name {
            [b'i', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => return Err(invalid),
        };
        let bits = number::parse_integer(bits).and_then(|bits| u32::try_from(bits).ok());
        let bits = bits.filter(|bits| (1..=if is_signed { 64 } else { 63 }).contains(bits));
        Ok(Self { bits: bits.ok_or(invalid)?, is_signed })
    }

    /// The least and the greatest that fit.
    fn limits(self) -> (i128, i128) {
        if self.is_signed {
            (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1)
        } else {
            (0, (1 << self.bits) - 1)
        }
    }

    /// The integer that these bits, the lowest ones, are.
    fn of_bits(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        let high = bits << unused;
        if self.is_signed { (high as i64) >> unused } else { (high >> unused) as i64 }
    }

    /// The number, made to fit; none if it does not and shall fail.
    fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (least, greatest) = self.limits();
        match overflow {
            _ if (least..=greatest).contains(&number) => Some(number as i64),
            Overflow::Wrap => Some(self.of_bits(number as u64)),
            Overflow::Saturate => Some(number.clamp(least, greatest) as i64),
            Overflow::Fail => None,
        }
    }

    /// What a client says as an integer of 64 bits: without a sign, a negative one is one that is far too large.
    fn read(self, number: i64) -> i128 {
        if self.is_signed { number.into() } else { (number as u64).into() }
    }
}

impl Operation {
    /// Read the integer; what is not there is zero.
    fn get(&self, bytes: &[u8]) -> i64 {
        let mut window = [0; 16];
        let there = bytes.get(self.offset / 8..).unwrap_or_default();
        // An integer of 64 bits stands in nine bytes at most.
        window.iter_mut().zip(there).for_each(|(byte, there)| *byte = *there);
        let bits = u128::from_be_bytes(window) << (self.offset % 8) >> (128 - self.kind.bits);
        self.kind.of_bits(bits as u64)
    }

    /// Write the integer, for which there is room.
    fn put(&self, bytes: &mut [u8], value: i64) {
        let there = bytes.get_mut(self.offset / 8..).unwrap_or_default();
        let mut window = [0; 16];
        window.iter_mut().zip(&*there).for_each(|(byte, there)| *byte = *there);
        let shift = 128 - self.kind.bits - (self.offset % 8) as u32;
        let mask = (u128::MAX >> (128 - self.kind.bits)) << shift;
        let bits = u128::from_be_bytes(window) & !mask | (value as u128) << shift & mask;
        there.iter_mut().zip(bits.to_be_bytes()).for_each(|(there, byte)| *there = byte);
    }

    /// Do it. Returns what is answered, and whether the integer is another now.
    fn run(&self, bytes: &mut [u8]) -> (Option<i64>, Outcome) {
        let before = self.get(bytes);
        let (after, answer) = match self.action {
            Action::Get => return (Some(before), Outcome::Read),
            Action::Set(value, overflow) => (self.kind.fit(self.kind.read(value), overflow), before),
            Action::Add(increment, overflow) => {
                let sum = self.kind.fit(i128::from(before) + i128::from(increment), overflow);
                (sum, sum.unwrap_or_default())
            }
        };
        let Some(after) = after else { return (None, Outcome::Failed) };
        self.put(bytes, after);
        (Some(answer), if after == before { Outcome::Same } else { Outcome::Changed })
    }
}

/// What an operation has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Read,
    Failed,
    /// Written what was there.
    Same,
    Changed,
}

/// All operations, in order.
fn parse(call: &Call<'_>) -> Result<Vec<Operation>, Error> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::default();
    let mut args = call.rest(2);
    while let [name, rest @ ..] = args {
        args = match (name.to_ascii_lowercase().as_slice(), rest) {
            (b"get", [kind, offset, rest @ ..]) => {
                operations.push(operation(call, kind, offset, |_| Ok(Action::Get))?);
                rest
            }
            (b"set", [kind, offset, value, rest @ ..]) => {
                let action = |_| integer(value).map(|value| Action::Set(value, overflow));
                operations.push(operation(call, kind, offset, action)?);
                rest
            }
            (b"incrby", [kind, offset, increment, rest @ ..]) => {
                let action = |_| integer(increment).map(|increment| Action::Add(increment, overflow));
                operations.push(operation(call, kind, offset, action)?);
                rest
            }
            (b"overflow", [name, rest @ ..]) => {
                overflow = match name.to_ascii_lowercase().as_slice() {
                    b"wrap" => Overflow::Wrap,
                    b"sat" => Overflow::Saturate,
                    b"fail" => Overflow::Fail,
                    _ => return Err(Error::text("ERR Invalid OVERFLOW type specified")),
                };
                rest
            }
            _ => return Err(Error::Syntax),
        };
    }
    Ok(operations)
}

fn operation(
    call: &Call<'_>,
    kind: &[u8],
    offset: &[u8],
    action: impl FnOnce(Type) -> Result<Action, Error>,
) -> Result<Operation, Error> {
    let kind = Type::parse(kind)?;
    let offset = match offset {
        [b'#', index @ ..] => {
            number::parse_integer(index).and_then(|index| index.checked_mul(i64::from(kind.bits)))
        }
        offset => number::parse_integer(offset),
    };
    Ok(Operation { kind, offset: checked_bit(call, offset)?, action: action(kind)? })
}

/// `BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset increment ...]`
pub(crate) fn bitfield(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let operations = parse(call)?;
    let writes = operations.iter().filter(|operation| operation.action != Action::Get);
    let last_bit = writes.map(|operation| operation.offset + operation.kind.bits as usize - 1).max();
    match last_bit {
        None => read(call, &operations, reply),
        Some(last_bit) => write(call, &operations, last_bit, reply),
    }
}

/// `BITFIELD_RO key [GET type offset ...]`
pub(crate) fn bitfield_ro(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let operations = parse(call)?;
    if operations.iter().any(|operation| operation.action != Action::Get) {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(call, &operations, reply)
}

fn read(call: &Call<'_>, operations: &[Operation], reply: &mut ReplyWriter<'_>) -> Done {
    let string = call.read_string(call.key(1))?;
    let bytes = string.as_deref().unwrap_or_default();
    reply.array(operations.len());
    operations.iter().for_each(|operation| reply.integer(operation.get(bytes)));
    Ok(())
}

fn write(
    call: &mut Call<'_>,
    operations: &[Operation],
    last_bit: usize,
    reply: &mut ReplyWriter<'_>,
) -> Done {
    let key = call.key(1);
    let (bytes, has_grown) = bytes_up_to(call, last_bit)?;
    reply.array(operations.len());
    let mut changes = 0;
    for operation in operations {
        let (answer, outcome) = operation.run(bytes);
        match answer {
            Some(answer) => reply.integer(answer),
            None => reply.null(),
        }
        let is_change = outcome == Outcome::Changed || outcome == Outcome::Same && has_grown;
        changes += u64::from(is_change);
    }
    if let Some(more) = changes.checked_sub(1) {
        call.modified(key, Notify::STRING, "setbit");
        call.server.dirty += more;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds() -> impl Strategy<Value = Type> {
        (1..=64u32, any::<bool>())
            .prop_map(|(bits, is_signed)| Type { bits, is_signed: is_signed || bits == 64 })
    }

    #[test]
    fn types_are_read_as_redis_reads_them() {
        assert_eq!(Type::parse(b"i64").unwrap(), Type { bits: 64, is_signed: true });
        assert_eq!(Type::parse(b"u63").unwrap(), Type { bits: 63, is_signed: false });
        for name in ["", "i", "i0", "i65", "u64", "u-1", "x8", "8", "U8", "u08", "i8 "] {
            assert!(Type::parse(name.as_bytes()).is_err(), "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        let (byte, signed) = (Type { bits: 8, is_signed: false }, Type { bits: 8, is_signed: true });
        assert_eq!(byte.fit(357, Overflow::Wrap), Some(101));
        assert_eq!(byte.fit(357, Overflow::Saturate), Some(255));
        assert_eq!(byte.fit(-5, Overflow::Saturate), Some(0));
        assert_eq!(byte.fit(byte.read(-5), Overflow::Saturate), Some(255));
        assert_eq!(signed.fit(128, Overflow::Wrap), Some(-128));
        assert_eq!(signed.fit(-129, Overflow::Saturate), Some(-128));
        assert_eq!((byte.fit(256, Overflow::Fail), byte.fit(255, Overflow::Fail)), (None, Some(255)));
    }

    proptest! {
        #[test]
        fn what_was_put_is_got_and_nothing_else_changes(
            kind in kinds(),
            offset in 0..100usize,
            value in any::<i64>(),
            filling in any::<u8>(),
        ) {
            let value = kind.of_bits(value as u64);
            let operation = Operation { kind, offset, action: Action::Get };
            let before = [filling; 24];
            let mut after = before;
            operation.put(&mut after, value);
            prop_assert_eq!(operation.get(&after), value);
            let bits = offset..offset + kind.bits as usize;
            for index in (0..24 * 8).filter(|index| !bits.contains(index)) {
                prop_assert_eq!((before[index / 8] ^ after[index / 8]) << (index % 8) & 0x80, 0);
            }
        }

        #[test]
        fn wrapping_is_what_the_lowest_bits_are(kind in kinds(), one in any::<i64>(), more in any::<i64>()) {
            let sum = i128::from(one) + i128::from(more);
            let wrapped = kind.fit(sum, Overflow::Wrap).unwrap();
            prop_assert_eq!((i128::from(wrapped) - sum).rem_euclid(1 << kind.bits), 0);
            let (least, greatest) = kind.limits();
            prop_assert!((least..=greatest).contains(&i128::from(wrapped)));
        }
    }
}
