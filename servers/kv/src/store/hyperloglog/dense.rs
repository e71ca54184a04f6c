//! Registers of six bits, one behind the other. The one rule: four of them are three bytes, lowest bits first.

use super::REGISTERS;

/// What all of them take.
pub(super) const BYTES: usize = REGISTERS / 4 * 3;

/// Raise a register to `rank`. Returns whether it was below.
pub(super) fn raise(bytes: &mut [u8], register: usize, rank: u8) -> bool {
    let first = register / 4 * 3;
    let Some(group) = bytes.get_mut(first..).and_then(<[u8]>::first_chunk_mut) else { return false };
    let shift = register % 4 * 6;
    let all = four(*group);
    if all >> shift & 63 >= u32::from(rank) {
        return false;
    }
    let raised = all & !(63 << shift) | u32::from(rank & 63) << shift;
    let [a, b, c, _] = raised.to_le_bytes();
    *group = [a, b, c];
    true
}

/// All of them, from the first on.
pub(super) fn ranks(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (groups, _) = bytes.as_chunks::<3>();
    groups.iter().flat_map(|group| {
        let all = four(*group);
        [0, 6, 12, 18].map(|shift| (all >> shift & 63) as u8)
    })
}

fn four([a, b, c]: [u8; 3]) -> u32 {
    u32::from_le_bytes([a, b, c, 0])
}
