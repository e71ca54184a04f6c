//! Registers as runs. The one rule: a run is replaced by at most three, then what can be joined near it is, exactly as far
//! as Redis looks.

use super::{Corrupt, REGISTERS};

/// The longest run of zeros in one byte.
const ZEROS_MAX: usize = 64;
/// The longest run of a value.
const VALUES_MAX: usize = 4;
/// The highest value that a run can have.
const RANK_MAX: u8 = 32;

/// Registers in a row that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Zeros, up to 64, in one byte.
    Zeros(usize),
    /// Zeros, in two bytes.
    ManyZeros(usize),
    /// This value, so often.
    Values(u8, usize),
}

impl Run {
    /// How many registers.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Zeros(length) | Self::ManyZeros(length) | Self::Values(_, length) => length,
        }
    }

    /// What they are.
    pub(crate) fn rank(self) -> u8 {
        if let Self::Values(rank, _) = self { rank } else { 0 }
    }

    /// A run like this one, of another length.
    fn cut(self, length: usize) -> Self {
        match self {
            Self::Values(rank, _) => Self::Values(rank, length),
            _ if length > ZEROS_MAX => Self::ManyZeros(length),
            _ => Self::Zeros(length),
        }
    }

    fn byte_len(self) -> usize {
        if matches!(self, Self::ManyZeros(_)) { 2 } else { 1 }
    }

    /// What the bytes begin with; none at their end.
    fn read(bytes: &[u8]) -> Option<Result<Self, Corrupt>> {
        let first = *bytes.first()?;
        let low = usize::from(first & 0x3f);
        Some(Ok(match first >> 6 {
            0 => Self::Zeros(low + 1),
            1 => match bytes.get(1) {
                Some(second) => Self::ManyZeros((low << 8 | usize::from(*second)) + 1),
                None => return Some(Err(Corrupt)),
            },
            _ => Self::Values((first >> 2 & 0x1f) + 1, usize::from(first & 3) + 1),
        }))
    }

    fn write(self, into: &mut Bytes) {
        match self {
            Self::Zeros(length) => into.push(length as u8 - 1),
            Self::ManyZeros(length) => {
                let [high, low] = (length as u16 - 1).to_be_bytes();
                into.push(high | 0x40);
                into.push(low);
            }
            Self::Values(rank, length) => into.push(0x80 | (rank - 1) << 2 | (length as u8 - 1)),
        }
    }
}

/// What a few runs take.
#[derive(Default)]
pub(super) struct Bytes {
    bytes: [u8; 5],
    length: usize,
}

impl Bytes {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The run of all registers, while they are zero.
pub(super) fn all_zeros() -> Bytes {
    let mut bytes = Bytes::default();
    Run::ManyZeros(REGISTERS).write(&mut bytes);
    bytes
}

/// The runs, up to the end or to what is none.
pub(super) fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    std::iter::from_fn(move || {
        let run = Run::read(bytes)?;
        let length = run.map_or(bytes.len(), Run::byte_len);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(run)
    })
}

/// Visit each run with the number of its first register.
///
/// # Errors
/// If they are not of as many registers as there are; some have been visited then.
pub(super) fn each(bytes: &[u8], mut visit: impl FnMut(Run, usize)) -> Result<(), Corrupt> {
    let mut first = 0;
    for run in runs(bytes) {
        let run = run?;
        visit(run, first);
        first += run.length();
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Whether a register was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high before.
    No,
    Yes,
    /// It can't be, or only if there were more bytes than are allowed.
    DoesNotFit,
}

/// Raise a register to `rank`. The runs begin at `begin`; all bytes together must not become more than `bytes_max`.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    begin: usize,
    register: usize,
    rank: u8,
    bytes_max: usize,
) -> Result<Raised, Corrupt> {
    if rank > RANK_MAX {
        return Ok(Raised::DoesNotFit);
    }
    let (mut before, mut at, mut first) = (begin, begin, 0);
    let run = loop {
        let run = Run::read(bytes.get(at..).unwrap_or_default()).ok_or(Corrupt)??;
        if register < first + run.length() {
            break run;
        }
        before = at;
        at += run.byte_len();
        first += run.length();
    };
    if run.rank() >= rank {
        return Ok(Raised::No);
    }
    let replacement = replacement(run, register - first, rank);
    let replacement = replacement.as_slice();
    let grows = replacement.len() > run.byte_len();
    if grows && bytes.len() + replacement.len() - run.byte_len() > bytes_max {
        return Ok(Raised::DoesNotFit);
    }
    bytes.splice(at..at + run.byte_len(), replacement.iter().copied());
    join_near(bytes, before);
    Ok(Raised::Yes)
}

/// A run in which one register has another value.
fn replacement(run: Run, index: usize, rank: u8) -> Bytes {
    let mut bytes = Bytes::default();
    if index > 0 {
        run.cut(index).write(&mut bytes);
    }
    Run::Values(rank, 1).write(&mut bytes);
    let behind = run.length() - index - 1;
    if behind > 0 {
        run.cut(behind).write(&mut bytes);
    }
    bytes
}

/// Join neighbours of the same value, in five steps from `at` on.
fn join_near(bytes: &mut Vec<u8>, mut at: usize) {
    const STEPS: usize = 5;
    for _ in 0..STEPS {
        let Some(Ok(run)) = Run::read(bytes.get(at..).unwrap_or_default()) else { return };
        let next = at + run.byte_len();
        if let Run::Values(rank, length) = run
            && let Some(Ok(Run::Values(same, more))) = Run::read(bytes.get(next..).unwrap_or_default())
            && same == rank
            && length + more <= VALUES_MAX
        {
            let mut joined = Bytes::default();
            Run::Values(rank, length + more).write(&mut joined);
            bytes.splice(at..=next, joined.as_slice().iter().copied());
        } else {
            at = next;
        }
    }
}
