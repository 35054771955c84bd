//! What a multipart parser holds while a form is received: a count of what went in and came out, for whoever feeds one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// Bytes that the multipart parser may hold or skip in all: boundaries, part headers, and what the network has delivered
/// ahead. The parser itself would gather any amount while it looks for a boundary. More than two of hyper's largest frames
/// (504 KiB as measured), of which the parser holds one at a time, so that a file never comes near it.
pub const UNPARSED_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes that the parser may search in vain for the end of one part header. It searches all that it holds again with each
/// frame, so that a header in frames of one byte costs the square of its length; this allows for 8 KiB of such a header.
const SEARCHED_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The form has parts without an end, or much that belongs to no part.
#[derive(Debug, Error)]
#[error("the multipart body has too much outside its parts")]
pub struct TooMuchUnparsed;

/// What the parser holds, and the work it has with that.
#[derive(Clone, Debug, Default)]
pub struct Unparsed(Arc<Meter>);

#[derive(Debug, Default)]
struct Meter {
    /// Bytes that went into the parser and did not come out of it.
    held: AtomicU64,
    /// Bytes that it has searched since something came out.
    searched: AtomicU64,
}

impl Unparsed {
    /// A chunk of the body goes in.
    ///
    /// # Errors
    /// [`TooMuchUnparsed`] where the parser has enough to do already; then the form is refused.
    pub fn went_in(&self, bytes: usize) -> Result<(), TooMuchUnparsed> {
        let bytes = bytes as u64;
        let before = self.0.held.fetch_add(bytes, Ordering::Relaxed);
        let held = before + bytes;
        let searched = self.0.searched.fetch_add(held, Ordering::Relaxed) + held;
        // One frame may be larger than the limit; what matters is that no second one is added to it.
        if before > UNPARSED_BYTES_MAX || searched > SEARCHED_BYTES_MAX {
            return Err(TooMuchUnparsed);
        }
        Ok(())
    }

    /// A chunk of a part has come out.
    pub fn came_out(&self, bytes: usize) {
        self.0.held.fetch_sub(bytes as u64, Ordering::Relaxed);
        self.0.searched.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_come_in_frames_of_one_byte_and_a_part_header_only_if_it_is_short() {
        let parser = Unparsed::default();
        for _ in 0..4096 {
            parser.went_in(1).unwrap();
        }
        for _ in 0..100_000 {
            parser.went_in(1).unwrap();
            parser.came_out(1);
        }
        let refused = (0..10_000).find(|_| parser.went_in(1).is_err());
        assert!(refused.is_some(), "no header of 10 kB is searched to its end");
    }

    #[test]
    fn two_of_the_largest_frames_go_in_before_anything_comes_out() {
        const FRAME_BYTES_MAX: usize = 504 * 1024;
        let parser = Unparsed::default();
        for _ in 0..1000 {
            parser.went_in(FRAME_BYTES_MAX).unwrap();
            parser.went_in(FRAME_BYTES_MAX).unwrap();
            parser.came_out(2 * FRAME_BYTES_MAX);
        }
        let taken = (0..10).take_while(|_| parser.went_in(FRAME_BYTES_MAX).is_ok());
        assert_eq!(taken.count(), 3);
    }
}
