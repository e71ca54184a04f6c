//! What can go wrong in a simulated network, and how often.
//!
//! The rule: whatever is switched on, the contract of [`crate::engine`] holds, and TCP stays TCP.

use std::time::Duration;

/// What goes wrong in a simulated network, and how often. Rates are probabilities from 0 to 1.
///
/// ```
/// use ropewalk_reactor::engine::sim::Faults;
///
/// let slow_and_brittle = Faults { reset: 0.01, window: 100, ..Faults::rough() };
/// # assert_ne!(slow_and_brittle, Faults::rough());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// How long whatever is sent is on its way at least.
    pub latency: Duration,
    /// How much longer it may be. Within a direction of a connection the order is kept.
    pub jitter: Duration,

    /// Per send: what was sent travels in several segments of any size.
    pub split: f64,
    /// Per segment: it joins the one before, if that has not arrived yet.
    pub coalesce: f64,
    /// Per send: fewer bytes are taken than there is room for.
    pub short_send: f64,
    /// Per receive: fewer bytes are given than have come.
    pub short_receive: f64,
    /// Per end of a connection: it owns what it sends until the network takes it, as a completion
    /// engine does (rule 6 of the contract).
    pub owned_sends: f64,

    /// How many bytes can be on their way to one end or wait there unread, at the most.
    pub window: usize,
    /// Per end of a connection: its window is from 32 to 1,024 bytes instead. A slow reader.
    pub small_window: f64,

    /// Per call: `WouldBlock` although there is something, with news of it to follow. Also per
    /// receive: it took the last byte, and doesn't say that nothing is left.
    pub would_block: f64,
    /// Per wait: news of something that has none.
    pub spurious_news: f64,
    /// Per wait: the news come in any order, and each but the first may wait for the next time.
    pub shuffled_news: f64,

    /// Per segment: the network resets the connection after it.
    pub reset: f64,
    /// Per arriving reset: what was received and not read yet can still be read, as on Linux. Else it is
    /// lost, as the standard has it (RFC 9293, 3.10.7.4).
    pub reset_keeps_received: f64,
    /// Per segment: one side vanishes silently. Nothing it sends leaves, nothing reaches it, no end
    /// and no reset is seen, and what was sent to it times out after a quarter of an hour.
    pub half_open: f64,
    /// Per side that vanished: what is sent to it from then on is answered with a reset, as by a
    /// machine that has started anew.
    pub half_open_reset: f64,

    /// Per connection attempt: refused, although somebody listens.
    pub refuse: f64,
    /// Per connection attempt: no answer ever; it times out after about two minutes.
    pub connect_timeout: f64,
    /// Per accept of a connection: it is gone already (ECONNABORTED).
    pub accept_abort: f64,
    /// Per accept of a connection: there are no descriptors (EMFILE), now and for a while.
    pub descriptor_exhaustion: f64,
    /// How long that is.
    pub exhaustion_lasts: Duration,

    /// Per datagram on the internet: it is lost.
    pub datagram_loss: f64,
    /// Per datagram on the internet: it comes twice.
    pub datagram_duplicate: f64,
    /// Per datagram on the internet: it is late by up to 10 ms, so that others overtake it.
    pub datagram_reorder: f64,

    /// How long a blocking job takes at the most.
    pub job_delay: Duration,
}

/// What a kernel gives a connection, about.
const WINDOW: usize = 64 * 1024;

impl Faults {
    /// A perfect network: everything arrives at once, nothing breaks.
    pub fn none() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            split: 0.0,
            coalesce: 0.0,
            short_send: 0.0,
            short_receive: 0.0,
            owned_sends: 0.0,
            window: WINDOW,
            small_window: 0.0,
            would_block: 0.0,
            spurious_news: 0.0,
            shuffled_news: 0.0,
            reset: 0.0,
            reset_keeps_received: 0.0,
            half_open: 0.0,
            half_open_reset: 0.0,
            refuse: 0.0,
            connect_timeout: 0.0,
            accept_abort: 0.0,
            descriptor_exhaustion: 0.0,
            exhaustion_lasts: Duration::from_millis(100),
            datagram_loss: 0.0,
            datagram_duplicate: 0.0,
            datagram_reorder: 0.0,
            job_delay: Duration::from_micros(100),
        }
    }

    /// An awkward network: everything is split, joined, delayed and narrow, and news come in odd
    /// ways, but nothing breaks. All that is sent on a connection arrives.
    pub fn rough() -> Self {
        Self {
            latency: Duration::from_micros(50),
            jitter: Duration::from_millis(5),
            split: 0.3,
            coalesce: 0.2,
            short_send: 0.1,
            short_receive: 0.2,
            owned_sends: 0.25,
            small_window: 0.2,
            would_block: 0.05,
            spurious_news: 0.05,
            shuffled_news: 0.3,
            reset_keeps_received: 0.5,
            job_delay: Duration::from_millis(5),
            ..Self::none()
        }
    }

    /// Everything at once: an awkward network that breaks as well.
    pub fn all() -> Self {
        Self {
            reset: 0.002,
            half_open: 0.001,
            half_open_reset: 0.5,
            refuse: 0.05,
            connect_timeout: 0.02,
            accept_abort: 0.05,
            descriptor_exhaustion: 0.02,
            datagram_loss: 0.1,
            datagram_duplicate: 0.1,
            datagram_reorder: 0.1,
            ..Self::rough()
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}
