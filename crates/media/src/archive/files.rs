//! Files that are read and written at explicit positions: offsets are shared with the process that opened them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rawzip::ReaderAt;

use crate::positioned::Positioned;

/// The original.
pub(super) struct Original<'a>(pub(super) &'a File);

impl ReaderAt for Original<'_> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        FileExt::read_at(self.0, buffer, position)
    }
}

/// Reads or writes a file from position 0 on.
pub(super) type At<'a> = Positioned<&'a File>;
