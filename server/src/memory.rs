//! What azds does about glibc's heap; elsewhere nothing.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "nothing safe sets it")
)]

/// By itself glibc gives each thread a heap of its own, and each keeps the most that it ever needed: a language
/// server of an hour holds several times what it uses. To be called before other threads begin.
pub fn have_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it is given numbers only (mallopt(3)).
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what is not used any more, after something that needed much.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it locks the heap and touches only what nobody has (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}
