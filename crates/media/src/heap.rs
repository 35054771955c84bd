//! How the allocator deals with the large buffers of models and frames.
//!
//! Looking at pictures takes buffers of several megabytes for each layer of a network, one after the other. By default the
//! C library gives the pages of many of them back to the system and asks for them anew, which costs up to a fifth of the
//! time of a look. An arena of ONNX Runtime avoids that, but every model has its own, which grows by powers of two and is
//! idle while the others run. Here all of them share one heap, which keeps its pages.
//!
//! Nothing may lie in the middle of the heap for long then: it would divide it, so that the buffers of the next picture or
//! look fit nowhere and the heap grows although half of it is free. Nothing large outlives a picture. Small pieces that are
//! free would do the same where each thread keeps some of them for itself, because they are not joined with what is free
//! around them; therefore whoever starts this process turns that off (`sfumato_media_client`), which the C library hears only
//! from the environment.

/// Buffers that lie outside the heap at most. By default the largest do, from 32 MB on at the latest, and a layer of the
/// network for faces has 45: its pages were fresh each time, while as many lay idle in the heap.
const MAPPED_BUFFERS_MAX: i32 = 0;

/// What may lie idle at the end of the heap before its pages are given back, in bytes: the buffers of the largest look.
const IDLE_BYTES_MAX: i32 = 256 << 20;

/// Gives the pages of all that is free back to the system. Loading models takes twice the memory that they need when they are
/// ready.
#[cfg(target_env = "gnu")]
pub(crate) fn give_back() {
    #[expect(unsafe_code, reason = "no crate offers this call of the C library")]
    // SAFETY: the function takes a number, and locks the allocator while it looks for pages that nothing lies in.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other C libraries have no such call.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() {}

/// Tells the allocator to keep the pages that it gets from here on. It is right at any time.
#[cfg(target_env = "gnu")]
pub(crate) fn keep_pages() {
    let settings = [
        (libc::M_MMAP_MAX, MAPPED_BUFFERS_MAX),
        (libc::M_TRIM_THRESHOLD, IDLE_BYTES_MAX),
    ];
    for (setting, value) in settings {
        #[expect(unsafe_code, reason = "no crate offers this call of the C library")]
        // SAFETY: the function takes two numbers, and locks the allocator while it changes it.
        unsafe {
            // Where it is refused the process is slower, and no worse.
            libc::mallopt(setting, value);
        }
    }
}

/// Other C libraries have no such settings.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn keep_pages() {}
