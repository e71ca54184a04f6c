//! HyperLogLog: how many different elements there were, in 12 KiB. The one rule: the bytes are Redis's, so that what GET
//! gives out of one server SET can put into another.
//!
//! ```text
//!  0       4          5         8                       16
//!  | HYLL | encoding | 0 0 0 | cardinality, last known | registers ...
//!
//!  encoding 0, dense     16,384 registers of 6 bits, lowest bits first: 12,288 bytes
//!  encoding 1, sparse    runs of registers:
//!                        00nnnnnn            n + 1 zeros
//!                        01nnnnnn nnnnnnnn   n + 1 zeros
//!                        1vvvvvnn            n + 1 times v + 1
//! ```
//!
//! An element's hash names a register by its lowest 14 bits; the register keeps the longest run of zeros, plus one, that
//! the other 50 bits of any element began with. The estimate is Ertl's (New cardinality estimation algorithms for
//! HyperLogLog sketches, 2017). The cardinality's highest bit says that it is out of date.

mod dense;
mod estimate;
mod sparse;

pub(crate) use estimate::Histogram;
pub(crate) use sparse::Run;

/// How many registers there are.
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that name a register.
const INDEX_BITS: u32 = 14;
/// Bits of the hash whose zeros are counted.
const RANK_BITS: u32 = u64::BITS - INDEX_BITS;

const MAGIC: &[u8; 4] = b"HYLL";
const HEADER_BYTES: usize = 16;
const ENCODING_AT: usize = 4;
const CARDINALITY_AT: usize = 8;
const CARDINALITY_END: usize = 15;
/// In the cardinality's last byte: registers have changed since.
const STALE: u8 = 1 << 7;

/// The registers do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// How the registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each by itself.
    Dense,
    /// As runs.
    Sparse,
}

/// The bytes of one that has seen nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut bytes = header(Form::Sparse);
    bytes.extend_from_slice(sparse::all_zeros().as_slice());
    bytes
}

/// The bytes before the registers, and a cardinality of zero.
fn header(form: Form) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(if form == Form::Dense { 0 } else { 1 });
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Whether these bytes can be one, and which form they have. That the registers add up shows when they are read.
pub(crate) fn form(bytes: &[u8]) -> Option<Form> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes.get(ENCODING_AT)? {
        0 => (bytes.len() == HEADER_BYTES + dense::BYTES).then_some(Form::Dense),
        1 => Some(Form::Sparse),
        _ => None,
    }
}

/// What follows the header of one that has been [checked](form).
fn registers(bytes: &[u8]) -> &[u8] {
    bytes.get(HEADER_BYTES..).unwrap_or_default()
}

/// The estimate that is written in the header, unless it is out of date.
pub(crate) fn known_cardinality(bytes: &[u8]) -> Option<u64> {
    let known = bytes.get(CARDINALITY_AT..)?.first_chunk()?;
    (bytes.get(CARDINALITY_END)? & STALE == 0).then_some(u64::from_le_bytes(*known))
}

/// Write an estimate into the header.
pub(crate) fn note_cardinality(bytes: &mut [u8], cardinality: u64) {
    if let Some(place) = bytes.get_mut(CARDINALITY_AT..=CARDINALITY_END) {
        place.copy_from_slice(&cardinality.to_le_bytes());
    }
}

/// The registers have changed: the estimate in the header is out of date.
pub(crate) fn forget_cardinality(bytes: &mut [u8]) {
    if let Some(last) = bytes.get_mut(CARDINALITY_END) {
        *last |= STALE;
    }
}

/// Note an element. Returns whether a register has changed. It becomes dense where it would be more than `sparse_bytes_max`
/// long otherwise.
///
/// # Errors
/// If the registers do not add up.
pub(crate) fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_bytes_max: usize) -> Result<bool, Corrupt> {
    let (register, rank) = place_of(element);
    raise(bytes, register, rank, sparse_bytes_max)
}

/// The register that an element belongs to, and what it raises it to.
fn place_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur(element);
    let register = hash as usize & (REGISTERS - 1);
    // A bit behind the last ends the run.
    let run = (hash >> INDEX_BITS | 1 << RANK_BITS).trailing_zeros();
    (register, run as u8 + 1)
}

/// Raise a register to `rank`. Returns whether it was below.
///
/// # Errors
/// If the registers do not add up.
pub(crate) fn raise(
    bytes: &mut Vec<u8>,
    register: usize,
    rank: u8,
    sparse_bytes_max: usize,
) -> Result<bool, Corrupt> {
    if form(bytes) == Some(Form::Sparse) {
        match sparse::raise(bytes, HEADER_BYTES, register, rank, sparse_bytes_max)? {
            sparse::Raised::No => return Ok(false),
            sparse::Raised::Yes => return Ok(true),
            sparse::Raised::DoesNotFit => make_dense(bytes)?,
        }
    }
    Ok(dense::raise(bytes.get_mut(HEADER_BYTES..).unwrap_or_default(), register, rank))
}

/// Have each register written by itself.
///
/// # Errors
/// If the registers do not add up.
pub(crate) fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if form(bytes) != Some(Form::Sparse) {
        return Ok(());
    }
    let mut all = Registers::default();
    all.unite(bytes)?;
    let mut dense = bytes.get(..HEADER_BYTES).unwrap_or_default().to_vec();
    dense.resize(HEADER_BYTES + dense::BYTES, 0);
    if let Some(encoding) = dense.get_mut(ENCODING_AT) {
        *encoding = 0;
    }
    let place = dense.get_mut(HEADER_BYTES..).unwrap_or_default();
    for (register, rank) in all.iter().filter(|(_, rank)| *rank > 0) {
        dense::raise(place, register, rank);
    }
    *bytes = dense;
    Ok(())
}

/// The estimate.
///
/// # Errors
/// If the registers do not add up.
pub(crate) fn cardinality(bytes: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = Histogram::default();
    match form(bytes) {
        Some(Form::Dense) => dense::ranks(registers(bytes)).for_each(|rank| histogram.count(rank, 1)),
        Some(Form::Sparse) => {
            sparse::each(registers(bytes), |run, _| histogram.count(run.rank(), run.length()))?;
        }
        None => return Err(Corrupt),
    }
    Ok(histogram.cardinality())
}

/// The runs of a sparse one, up to where they stop making sense.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    sparse::runs(registers(bytes)).map_while(Result::ok)
}

/// All registers, one byte each: what several are united in.
#[derive(Clone)]
pub(crate) struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Self {
        Self(Box::new([0; REGISTERS]))
    }
}

impl Registers {
    /// Raise each register to that of another.
    ///
    /// # Errors
    /// If the other's registers do not add up.
    pub(crate) fn unite(&mut self, bytes: &[u8]) -> Result<(), Corrupt> {
        match form(bytes) {
            Some(Form::Dense) => {
                for (mine, theirs) in self.0.iter_mut().zip(dense::ranks(registers(bytes))) {
                    *mine = theirs.max(*mine);
                }
                Ok(())
            }
            Some(Form::Sparse) => sparse::each(registers(bytes), |run, first| {
                for mine in self.0.iter_mut().skip(first).take(run.length()) {
                    *mine = run.rank().max(*mine);
                }
            }),
            None => Err(Corrupt),
        }
    }

    /// Each register and what it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u8)> {
        self.0.iter().copied().enumerate()
    }

    /// The estimate.
    pub(crate) fn cardinality(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.0.iter().for_each(|rank| histogram.count(*rank, 1));
        histogram.cardinality()
    }
}

/// MurmurHash64A (Appleby, 2008) with Redis's seed; words are read lowest byte first.
fn murmur(bytes: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash = (hash ^ (word ^ word >> SHIFT).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
        hash = (hash ^ last).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests;
