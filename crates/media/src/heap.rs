//! How the allocator of a process for pictures deals with the large buffers of models.
//!
//! Looking at a picture takes buffers of several megabytes for each layer of a network, one after the other. By default the
//! C library gives the pages of many of them back to the system and asks for them anew, which costs up to a fifth of the
//! time of a look. An arena of ONNX Runtime avoids that, but every model has its own, which grows by powers of two and is
//! idle while the others run. Here all of them share one heap, which keeps its pages.
//!
//! Not for videos: frames of a few megabytes that live for different times leave holes in a heap that keeps its pages, and
//! the peak was 40 MB higher.

/// Buffers up to this size in bytes come from the heap. It is the most that the C library allows.
const HEAP_BUFFER_BYTES_MAX: i32 = 32 << 20;

/// What may lie idle at the end of the heap before its pages are given back, in bytes: the buffers of the largest look.
const IDLE_BYTES_MAX: i32 = 256 << 20;

/// Tells the allocator. It is worth doing before anything large is allocated, and right at any time.
#[cfg(target_env = "gnu")]
pub(crate) fn keep_pages() {
    let settings = [
        (libc::M_MMAP_THRESHOLD, HEAP_BUFFER_BYTES_MAX),
        (libc::M_TRIM_THRESHOLD, IDLE_BYTES_MAX),
    ];
    for (setting, bytes) in settings {
        #[expect(unsafe_code, reason = "no crate offers this call of the C library")]
        // SAFETY: the function takes two numbers, and locks the allocator while it changes it.
        unsafe {
            // Where it is refused the process is slower, and no worse.
            libc::mallopt(setting, bytes);
        }
    }
}

/// Other C libraries have no such settings.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn keep_pages() {}
