//! Files that are read and written at explicit positions: offsets are shared with the process that opened them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use rawzip::ReaderAt;

/// The original.
pub(super) struct Original<'a>(pub(super) &'a File);

impl ReaderAt for Original<'_> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        FileExt::read_at(self.0, buffer, position)
    }
}

/// Reads or writes a file from position 0 on.
#[derive(Debug)]
pub(super) struct At<'a> {
    file: &'a File,
    position: u64,
}

impl<'a> At<'a> {
    pub(super) const fn new(file: &'a File) -> Self {
        Self { file, position: 0 }
    }

    /// How much has been read or written.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for At<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
