//! Gives memory back to the system: the one place of this crate with unsafe code.
//!
//! What Rust allocates is the business of the allocator in `main.rs`. SQLite takes its memory from
//! the C library, a region for each of its connections' threads, and glibc keeps what was freed in
//! the midst of one: some 2 MB each, for good.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(
        unsafe_code,
        reason = "the C library is asked, and nothing around it asks it for us"
    )
)]

/// Has the C library give back what is free. Takes milliseconds.
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim(3) may be called at any time by any thread, and touches free memory alone.
    unsafe {
        libc::malloc_trim(0);
    }
}
