//! Telling the processor what will be read soon. The one rule: a hint, and nothing else.

/// Fetch the cache line at this address. Any address will do.
pub(super) fn read<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the instruction is part of every x86-64; it reads nothing as far as the language is concerned, and an
    // address that can't be read is ignored.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
