//! PFSELFTEST: whether registers hold what they are given, and estimates are as good as they should be. The one rule: it
//! touches no key.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::store::hyperloglog::{self, REGISTERS, Registers};
use ropewalk_protocols::resp::ReplyWriter;
use ropewalk_reactor::random::Random;

/// Rounds of writing all registers.
const ROUNDS: usize = 20;
/// How many elements the estimates are tried up to: a tenth of Redis's, because nobody else is served meanwhile.
const ELEMENTS: u64 = 1_000_000;

/// `PFSELFTEST`
pub(crate) fn pfselftest(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let sparse_bytes_max = call.limits().hll_sparse_bytes;
    let mut random = call.random(Random::split);
    registers_keep_their_values(&mut random)?;
    estimates_are_good(&mut random, sparse_bytes_max)?;
    reply.ok();
    Ok(())
}

fn dense() -> Result<Vec<u8>, Error> {
    let mut bytes = hyperloglog::empty();
    hyperloglog::make_dense(&mut bytes)?;
    Ok(bytes)
}

fn registers_keep_their_values(random: &mut Random) -> Result<(), Error> {
    let (mut bytes, mut expected) = (dense()?, vec![0; REGISTERS]);
    for _ in 0..ROUNDS {
        for (register, expected) in expected.iter_mut().enumerate() {
            let rank = random.below(64) as u8;
            *expected = rank.max(*expected);
            hyperloglog::raise(&mut bytes, register, rank, 0)?;
        }
        let mut registers = Registers::default();
        registers.unite(&bytes)?;
        if let Some((register, rank)) = registers.iter().find(|(at, rank)| expected.get(*at) != Some(rank)) {
            let expected = expected.get(register).copied().unwrap_or_default();
            return Err(Error::said(format!(
                "ERR TESTFAILED Register {register} should be {expected} but is {rank}"
            )));
        }
    }
    Ok(())
}

fn estimates_are_good(random: &mut Random, sparse_bytes_max: usize) -> Result<(), Error> {
    /// The standard error of so many registers.
    const ERROR: f64 = 1.04 / 128.0;
    let (mut sparse, mut dense) = (hyperloglog::empty(), dense()?);
    let seed = random.next_u64();
    let mut checkpoint = 1;
    for element in 1..=ELEMENTS {
        let bytes = (element ^ seed).to_le_bytes();
        hyperloglog::add(&mut sparse, &bytes, sparse_bytes_max)?;
        hyperloglog::add(&mut dense, &bytes, sparse_bytes_max)?;
        if element != checkpoint {
            continue;
        }
        let estimate = hyperloglog::cardinality(&dense)?;
        if hyperloglog::cardinality(&sparse)? != estimate {
            return Err(Error::text("ERR TESTFAILED dense/sparse disagree"));
        }
        // One of ten may be a collision: so few don't follow the formula yet.
        let error_max = if element == 10 { 1 } else { (ERROR * 6.0 * element as f64).ceil() as u64 };
        if estimate.abs_diff(element) > error_max {
            return Err(Error::said(format!(
                "ERR TESTFAILED Too big error. card:{element} abserr:{}",
                estimate.abs_diff(element)
            )));
        }
        checkpoint *= 10;
    }
    Ok(())
}
