//! What the targets share: an input, cut into pieces by what its first byte says.

/// The input behind the first byte, in pieces of some few bytes, all different.
pub fn pieces(data: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let Some((&first, input)) = data.split_first() else { return (&[], Vec::new()) };
    let (mut rest, mut pieces, mut size) = (input, Vec::new(), usize::from(first));
    while !rest.is_empty() {
        size = (size * 5 + 3) % 17;
        let (piece, behind) = rest.split_at(rest.len().min(size + 1));
        pieces.push(piece);
        rest = behind;
    }
    (input, pieces)
}

/// Feed pieces to a decoder as a connection does, where what was left comes again with more behind it.
#[allow(dead_code, reason = "not every target decodes one message at a time")]
pub fn feed<T, E>(
    pieces: &[&[u8]],
    mut decode: impl FnMut(&mut &[u8]) -> Result<Option<T>, E>,
) -> (Vec<T>, Option<E>) {
    let (mut found, mut input) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut rest = &input[..];
        loop {
            match decode(&mut rest) {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        input = rest.to_vec();
    }
    (found, None)
}
