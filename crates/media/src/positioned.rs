//! Files that are read and written at explicit positions: offsets are shared with the process that opened them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::os::unix::fs::FileExt;

/// A file with a position of its own, from 0 on, so that several of them can share a descriptor.
#[derive(Debug)]
pub(crate) struct Positioned<F> {
    file: F,
    position: u64,
}

impl<F: Deref<Target = File>> Positioned<F> {
    /// The file from its beginning.
    pub(crate) const fn new(file: F) -> Self {
        Self { file, position: 0 }
    }

    /// Where the next byte is read or written.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }
}

impl<F: Deref<Target = File>> Read for Positioned<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<F: Deref<Target = File>> Write for Positioned<F> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<F: Deref<Target = File>> Seek for Positioned<F> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => size_of(&self.file)?.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The size of an open file in bytes. The standard library asks in a way that takes paths too, which the jail refuses.
pub(crate) fn size_of(file: &File) -> io::Result<u64> {
    let stat = rustix::fs::fstat(file)?;
    u64::try_from(stat.st_size).map_err(io::Error::other)
}
