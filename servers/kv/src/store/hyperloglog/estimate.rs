//! From registers to an estimate. The one rule: only how often each value occurs counts.

use super::{RANK_BITS, REGISTERS};

/// Values that a register of six bits can have.
const VALUES: usize = 1 << 6;

/// How often each value occurs among the registers.
#[derive(Clone, Debug)]
pub(crate) struct Histogram([u32; VALUES]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; VALUES])
    }
}

impl Histogram {
    /// So many more registers have this value.
    pub(super) fn count(&mut self, rank: u8, registers: usize) {
        if let Some(count) = self.0.get_mut(usize::from(rank)) {
            *count = count.saturating_add(registers as u32);
        }
    }

    fn of(&self, rank: u32) -> f64 {
        self.0.get(rank as usize).copied().unwrap_or_default().into()
    }

    /// How many different elements there were, most likely: Ertl's algorithm 6, with his corrections for registers that are
    /// still zero and for those that are full.
    pub(crate) fn cardinality(&self) -> u64 {
        /// 1 / (2 ln 2)
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let m = REGISTERS as f64;
        let mut z = m * tau((m - self.of(RANK_BITS + 1)) / m);
        for rank in (1..=RANK_BITS).rev() {
            z = 0.5 * (z + self.of(rank));
        }
        z += m * sigma(self.of(0) / m);
        (ALPHA * m * m / z).round() as u64
    }
}

/// x + Σ x^(2^k) 2^(k-1), for k from 1.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        let before = z;
        x *= x;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3, for k from 1.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        let before = z;
        x = x.sqrt();
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
