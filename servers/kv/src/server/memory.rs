//! How much memory is used. The one rule: the figures are the allocator's, handed in, so that a simulated server
//! has simulated ones.

/// Where the figures come from.
#[derive(Clone, Copy, Debug)]
pub struct MemorySource {
    /// How many bytes are allocated now.
    pub used: fn() -> usize,
    /// The most that ever were.
    pub peak: fn() -> usize,
    /// How many bytes the process occupies, resident.
    pub resident: fn() -> usize,
    /// Give unused memory back to the system.
    pub purge: fn(),
    /// The allocator's name and version.
    pub allocator: &'static str,
}

impl Default for MemorySource {
    /// A source that knows nothing: all figures are zero.
    fn default() -> Self {
        Self { used: || 0, peak: || 0, resident: || 0, purge: || (), allocator: "libc" }
    }
}

/// The figures, and what was used when there was no data yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    source: MemorySource,
    /// What was used before there was any data, in bytes.
    pub(crate) startup: usize,
}

impl Memory {
    /// What is used now is what the server takes without data.
    pub(crate) fn new(source: MemorySource) -> Self {
        Self { source, startup: (source.used)() }
    }

    /// How many bytes are allocated.
    pub(crate) fn used(&self) -> usize {
        (self.source.used)()
    }

    /// The most that ever were.
    pub(crate) fn peak(&self) -> usize {
        (self.source.peak)().max(self.used())
    }

    /// How many bytes the process occupies.
    pub(crate) fn resident(&self) -> usize {
        (self.source.resident)()
    }

    /// Give unused memory back to the system.
    pub(crate) fn purge(&self) {
        (self.source.purge)();
    }

    /// The allocator's name.
    pub(crate) fn allocator(&self) -> &'static str {
        self.source.allocator
    }
}
