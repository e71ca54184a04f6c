//! Bytes on their way out, and the buffers that bytes come in with.
//!
//! An idle connection owns no buffer at all. Buffers of one size circulate in a small pool of the
//! thread: a connection takes one when bytes arrive or are written, and gives it back when it is
//! empty again. So ten thousand idle connections cost what their bookkeeping costs.
//!
//! ```text
//! Output:   queue ──▶ [ piece ][ piece ] … [ tail: small writes, joined ]
//!           oldest, leaves first                newest
//! ```

use bytes::{Buf, Bytes, BytesMut};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::IoSlice;

/// The size of a pooled buffer, and what one receive asks for at the most, in bytes.
pub const BUFFER_SIZE: usize = 16 * 1024;

/// How many empty buffers a thread keeps: 1 MiB of them.
const POOL_MAX: usize = 64;

/// Owned pieces shorter than this are copied into the tail: joining beats one more `iovec`.
const COPY_MAX: usize = 4 * 1024;

/// How many pieces one `sendmsg` takes at the most.
pub const PIECES_MAX: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer of [`BUFFER_SIZE`] bytes, neither more nor less: what one receive can bring must not
/// depend on what the buffer was used for before, or no simulation could be repeated.
pub fn take() -> BytesMut {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| BytesMut::with_capacity(BUFFER_SIZE))
}

/// Give a buffer back; its content is dropped. One that has grown, or that somebody still holds a part
/// of, is left to the allocator.
pub fn give(mut buffer: BytesMut) {
    if buffer.capacity() == 0 {
        return;
    }
    buffer.clear();
    if !buffer.try_reclaim(BUFFER_SIZE) || buffer.capacity() != BUFFER_SIZE {
        return;
    }
    POOL.with_borrow_mut(|pool| {
        if pool.len() < POOL_MAX {
            pool.push(buffer);
        }
    });
}

/// Bytes waiting to leave: small writes are joined in the tail, large owned pieces are queued
/// without a copy.
#[derive(Default, Debug)]
pub struct Output {
    #[expect(
        clippy::box_collection,
        reason = "every connection has one of these, few have a queue: 8 bytes, not 32"
    )]
    queue: Option<Box<VecDeque<Bytes>>>,
    tail: BytesMut,
    queued: usize,
}

impl Output {
    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.queued + self.tail.len()
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Append a copy of `data`.
    pub fn push_slice(&mut self, data: &[u8]) {
        self.tail().extend_from_slice(data);
    }

    /// Append `data`: copied where it is short, queued as it is where it is long.
    pub fn push(&mut self, data: Bytes) {
        if data.len() < COPY_MAX {
            return self.push_slice(&data);
        }
        self.seal_tail();
        self.queued += data.len();
        self.queue.get_or_insert_default().push_back(data);
    }

    /// The buffer that small writes are joined in, to encode into directly. Only append to it.
    pub fn tail(&mut self) -> &mut BytesMut {
        if self.tail.capacity() == 0 {
            self.tail = take();
        }
        &mut self.tail
    }

    /// Put the tail back that was lifted out by `std::mem::take(output.tail())`, with more behind it.
    pub(crate) fn restore_tail(&mut self, mut tail: BytesMut) {
        if !self.tail.is_empty() {
            // Something was written meanwhile: it keeps its place behind what was there before.
            tail.extend_from_slice(&self.tail);
        }
        give(std::mem::replace(&mut self.tail, tail));
    }

    /// Drop everything that waits.
    pub fn clear(&mut self) {
        self.queue = None;
        self.queued = 0;
        give(std::mem::take(&mut self.tail));
    }

    /// Drop the first `count` bytes, which have left.
    ///
    /// # Panics
    /// If fewer than `count` bytes wait.
    pub fn advance(&mut self, mut count: usize) {
        while self.queued > 0 && count > 0 {
            let queue = self.queue.as_mut().expect("bytes are queued");
            let front = queue.front_mut().expect("bytes are queued");
            let step = count.min(front.len());
            front.advance(step);
            if front.is_empty() {
                queue.pop_front();
            }
            self.queued -= step;
            count -= step;
        }
        self.tail.advance(count);
        if self.is_empty() {
            self.clear();
        }
    }

    /// All that waits, if it lies in one piece.
    pub fn single_piece(&self) -> Option<&[u8]> {
        let mut queue = self.queue.iter().flat_map(|queue| queue.iter());
        match queue.next() {
            None => Some(&self.tail),
            Some(piece) if self.tail.is_empty() && queue.next().is_none() => Some(piece),
            Some(_) => None,
        }
    }

    /// The first pieces, for a vectored send: how many of `slices` were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; PIECES_MAX]) -> usize {
        let mut filled = 0;
        for (slot, piece) in slices.iter_mut().zip(self.pieces()) {
            *slot = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    /// All pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let queue = self.queue.as_ref().map(|queue| queue.iter()).into_iter().flatten();
        let tail = Some(&self.tail[..]).filter(|tail| !tail.is_empty());
        queue.map(|piece| &piece[..]).chain(tail)
    }

    /// Take everything as owned pieces, leaving nothing: for engines that must own what they send.
    /// The tail, if it holds bytes, is the last piece and is returned apart so that its buffer can
    /// be given back to the pool once it has left.
    pub fn take_all(&mut self) -> (VecDeque<Bytes>, BytesMut) {
        self.queued = 0;
        (self.queue.take().map_or_else(VecDeque::new, |queue| *queue), std::mem::take(&mut self.tail))
    }

    /// Like [`take_all`](Self::take_all), but at most `bytes` bytes in at most [`PIECES_MAX`] pieces;
    /// the rest stays.
    pub fn take_front(&mut self, bytes: usize) -> (VecDeque<Bytes>, BytesMut) {
        let pieces = self.queue.as_ref().map_or(0, |queue| queue.len());
        if self.len() <= bytes && pieces < PIECES_MAX {
            return self.take_all();
        }
        let (mut taken, mut left) = (VecDeque::new(), bytes);
        while let Some(queue) = self.queue.as_mut().filter(|_| left > 0 && taken.len() < PIECES_MAX) {
            let Some(front) = queue.front_mut() else { break };
            let piece = front.split_to(left.min(front.len()));
            if front.is_empty() {
                queue.pop_front();
            }
            left -= piece.len();
            self.queued -= piece.len();
            taken.push_back(piece);
        }
        if left > 0 && taken.len() < PIECES_MAX {
            taken.push_back(self.tail.split_to(left.min(self.tail.len())).freeze());
        }
        (taken, BytesMut::new())
    }

    /// Keep the first `count` bytes, and cut off the rest; nothing is copied.
    pub fn split_off(&mut self, count: usize) -> Self {
        if count == 0 {
            return std::mem::take(self);
        }
        if count >= self.len() {
            return Self::default();
        }
        let Some(inside_tail) = count.checked_sub(self.queued) else { return self.split_off_pieces(count) };
        Self { queue: None, tail: self.tail.split_off(inside_tail), queued: 0 }
    }

    /// The case of [`split_off`](Self::split_off) where the cut lies among the pieces.
    fn split_off_pieces(&mut self, count: usize) -> Self {
        let queue = self.queue.as_mut().expect("bytes are queued");
        let (mut whole, mut kept) = (0, 0);
        while let Some(piece) = queue.get(whole)
            && kept + piece.len() <= count
        {
            kept += piece.len();
            whole += 1;
        }
        let mut rest = queue.split_off(whole);
        if let Some(cut) = rest.front_mut().filter(|_| kept < count) {
            queue.push_back(cut.split_to(count - kept));
        }
        let queued = self.queued - count;
        self.queued = count;
        Self { queue: Some(Box::new(rest)), tail: std::mem::take(&mut self.tail), queued }
    }

    /// Put `rest` behind what waits; nothing is copied.
    pub fn append(&mut self, rest: Self) {
        if self.is_empty() {
            self.clear();
            *self = rest;
        } else if !rest.is_empty() {
            self.seal_tail();
            if let Some(pieces) = rest.queue {
                self.queued += rest.queued;
                self.queue.get_or_insert_default().extend(*pieces);
            }
            self.tail = rest.tail;
        }
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queued += self.tail.len();
            self.queue.get_or_insert_default().push_back(std::mem::take(&mut self.tail).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(output: &Output) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let filled = output.slices(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pieces_leave_in_the_order_they_came() {
        let mut output = Output::default();
        output.push_slice(b"ab");
        output.push(Bytes::from(vec![b'c'; COPY_MAX]));
        output.push_slice(b"de");
        output.push(Bytes::from_static(b"fg"));
        assert_eq!(output.len(), 6 + COPY_MAX);
        let all = content(&output);
        for cut in [0, 1, 2, 3, COPY_MAX, COPY_MAX + 2, COPY_MAX + 5, COPY_MAX + 6] {
            let mut rest = Output::default();
            rest.push_slice(b"ab");
            rest.push(Bytes::from(vec![b'c'; COPY_MAX]));
            rest.push_slice(b"defg");
            rest.advance(cut);
            assert_eq!(content(&rest), all[cut..], "after {cut} bytes left");
        }
    }

    #[test]
    fn the_front_that_is_taken_and_the_rest_are_the_whole() {
        let mut whole = Output::default();
        for number in 0..PIECES_MAX as u8 {
            whole.push(Bytes::from(vec![number; COPY_MAX]));
        }
        whole.push_slice(b"tail");
        let all: Vec<u8> =
            (0..PIECES_MAX as u8).flat_map(|number| [number; COPY_MAX]).chain(*b"tail").collect();
        for bytes in [1, COPY_MAX - 1, COPY_MAX, COPY_MAX + 1, 10 * COPY_MAX + 7, all.len() - 4, all.len()] {
            let mut output = Output::default();
            for piece in whole.queue.iter().flat_map(|queue| queue.iter()) {
                output.push(piece.clone());
            }
            output.push_slice(b"tail");
            let mut joined = Vec::new();
            while !output.is_empty() {
                let (pieces, tail) = output.take_front(bytes);
                assert!(pieces.len() + usize::from(!tail.is_empty()) <= PIECES_MAX);
                let before = joined.len();
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
                joined.extend_from_slice(&tail);
                assert!(before < joined.len() && joined.len() - before <= bytes);
                assert_eq!(output.len(), all.len() - joined.len());
            }
            assert!(joined == all, "taken by {bytes}");
        }
    }

    #[test]
    fn an_empty_output_owns_no_buffer() {
        let mut output = Output::default();
        output.push_slice(b"x");
        output.advance(1);
        assert_eq!(output.tail.capacity(), 0);
    }

    #[test]
    fn a_single_piece_is_all_or_nothing() {
        let mut output = Output::default();
        assert_eq!(output.single_piece(), Some(&b""[..]));
        output.push_slice(b"tail");
        assert_eq!(output.single_piece(), Some(&b"tail"[..]));
        output.push(Bytes::from(vec![1; COPY_MAX]));
        assert_eq!(output.single_piece(), None);
        output.advance(4);
        assert_eq!(output.single_piece(), Some(&[1; COPY_MAX][..]));
        output.push_slice(b"tail");
        assert_eq!(output.single_piece(), None);
        output.advance(COPY_MAX);
        assert_eq!(output.single_piece(), Some(&b"tail"[..]));
    }

    #[test]
    fn a_large_piece_is_not_copied() {
        let mut output = Output::default();
        let large = Bytes::from(vec![1; COPY_MAX]);
        let at = large.as_ptr();
        output.push(large);
        let (pieces, _) = output.take_all();
        assert_eq!(pieces[0].as_ptr(), at);
    }

    fn whole(output: &Output) -> Vec<u8> {
        output.pieces().flatten().copied().collect()
    }

    /// What can be done to an output; lengths lie about the bound at which pieces are no longer copied.
    #[derive(Clone, Debug)]
    enum Step {
        Copy(usize),
        Push(usize),
        Encode(usize),
        Lift(usize),
        Advance(usize),
        /// Cut it there, let so much of the front leave, and join it again.
        Cut(usize, usize),
        TakeAll,
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = || prop_oneof![0..20_usize, COPY_MAX - 2..COPY_MAX + 2, 0..3 * COPY_MAX];
        prop_oneof![
            4 => length().prop_map(Step::Copy),
            4 => length().prop_map(Step::Push),
            2 => length().prop_map(Step::Encode),
            1 => length().prop_map(Step::Lift),
            4 => any::<usize>().prop_map(Step::Advance),
            4 => (any::<usize>(), any::<usize>()).prop_map(|(at, left)| Step::Cut(at, left)),
            1 => Just(Step::TakeAll),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn an_output_is_a_queue_of_bytes(steps in proptest::collection::vec(step(), 0..60)) {
            let mut output = Output::default();
            let mut model: Vec<u8> = Vec::new();
            let mut written = 0_usize;
            let mut more = |length: usize| -> Vec<u8> {
                written += length;
                (written - length..written).map(|index| (index ^ (index >> 8)) as u8).collect()
            };
            for step in steps {
                match step {
                    Step::Copy(length) => {
                        let bytes = more(length);
                        output.push_slice(&bytes);
                        model.extend(bytes);
                    }
                    Step::Push(length) => {
                        let bytes = more(length);
                        output.push(bytes.clone().into());
                        model.extend(bytes);
                    }
                    Step::Encode(length) => {
                        let bytes = more(length);
                        output.tail().extend_from_slice(&bytes);
                        model.extend(bytes);
                    }
                    Step::Lift(length) => {
                        let mut tail = std::mem::take(output.tail());
                        let (inside, meanwhile) = (more(length), more(length / 2));
                        tail.extend_from_slice(&inside);
                        output.push_slice(&meanwhile);
                        output.restore_tail(tail);
                        model.extend(inside);
                        model.extend(meanwhile);
                    }
                    Step::Advance(count) => {
                        let count = count % (model.len() + 1);
                        output.advance(count);
                        model.drain(..count);
                    }
                    Step::Cut(at, left) => {
                        let at = at % (model.len() + 2);
                        let rest = output.split_off(at);
                        prop_assert_eq!(output.len(), at.min(model.len()));
                        prop_assert_eq!(whole(&rest), &model[at.min(model.len())..]);
                        let left = left % (output.len() + 1);
                        output.advance(left);
                        output.append(rest);
                        model.drain(..left);
                    }
                    Step::TakeAll => {
                        let (pieces, tail) = output.take_all();
                        let taken: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).chain(tail).collect();
                        prop_assert_eq!(&taken, &model);
                        model.clear();
                    }
                    Step::Clear => {
                        output.clear();
                        model.clear();
                    }
                }
                prop_assert_eq!(output.len(), model.len());
                prop_assert_eq!(output.is_empty(), model.is_empty());
                prop_assert_eq!(whole(&output), &model[..]);
                prop_assert!(model.starts_with(&content(&output)));
                prop_assert!(output.single_piece().is_none_or(|piece| piece == model));
            }
        }
    }
}
