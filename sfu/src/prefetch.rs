//! Asks for memory before it is needed: the one place of this crate with unsafe code.
//!
//! Between two packets for the same receiver the kernel and thousands of other receivers go through
//! the caches, so every receiver begins with misses, one after the other. Asked for some receivers
//! ahead they overlap.
#![expect(
    unsafe_code,
    reason = "the stable way to prefetch is an intrinsic, which is unsafe to call"
)]

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Begins to bring the first `bytes` of `value` into the caches. Changes nothing else.
#[inline]
pub fn prefetch<T>(value: &T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..bytes.min(size_of::<T>())).step_by(LINE) {
            // SAFETY: a prefetch reads nothing and faults on no address, and SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, bytes);
}
