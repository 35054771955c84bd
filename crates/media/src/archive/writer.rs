//! The result: entries of which everything is known before they are written.
//!
//! Sizes and checksum stand in front of the data, where programs look that read an archive as a stream; none of them can
//! read an entry that is stored otherwise. ZIP64 (APPNOTE.TXT, 4.3.14 and 4.5.3) is used where a number is too large for
//! the original format and nowhere else. Names are UTF-8 and say so. There are no modes, owners, comments or extra fields.

use std::io::{self, Read, Write};

use flate2::Crc;
use flate2::write::DeflateEncoder;

/// What a program has to know to read the archive: version 2.0 for `deflate` and folders, 4.5 for ZIP64 (4.4.3).
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;

/// The name is UTF-8 (4.4.4, bit 11).
const UTF8: u16 = 1 << 11;

/// Midnight of the first day that the format knows, 1980-01-01, as it is written: time, date.
pub(super) const NO_TIME: [u16; 2] = [0, (1 << 5) | 1];

/// The identifier of the extra field with large numbers.
const ZIP64_FIELD: u16 = 1;

/// Sizes and numbers of entries from which on they stand elsewhere.
const LARGE: u64 = u32::MAX as u64;
const MANY: u64 = u16::MAX as u64;

/// How the content of an entry is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// As it is.
    Stored,
    /// By RFC 1951.
    Deflated,
}

/// What is known of an entry before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    pub(super) method: Method,
    /// The checksum of the content.
    pub(super) crc: u32,
    /// Size of the content.
    pub(super) bytes: u64,
    /// Size of the data.
    pub(super) packed_bytes: u64,
}

impl Packing {
    /// The packing of data that stay as they are.
    pub(super) const fn stored(crc: u32, bytes: u64) -> Self {
        Self {
            method: Method::Stored,
            crc,
            bytes,
            packed_bytes: bytes,
        }
    }

    /// Reads everything, and says how it is packed that stays as it is.
    pub(super) fn stored_from(mut content: impl Read) -> io::Result<Self> {
        let mut crc = Crc::new();
        let mut bytes = 0;
        let mut step = vec![0; 1 << 16];
        loop {
            match content.read(&mut step)? {
                0 => return Ok(Self::stored(crc.sum(), bytes)),
                count => {
                    crc.update(&step[..count]);
                    bytes += count as u64;
                }
            }
        }
    }

    /// Packs everything into `output`.
    pub(super) fn deflate(mut content: impl Read, output: impl Write) -> io::Result<Self> {
        let mut encoder = DeflateEncoder::new(output, flate2::Compression::default());
        let mut crc = Crc::new();
        let mut step = vec![0; 1 << 16];
        loop {
            match content.read(&mut step)? {
                0 => break,
                count => {
                    crc.update(&step[..count]);
                    encoder.write_all(&step[..count])?;
                }
            }
        }
        encoder.try_finish()?;
        Ok(Self {
            method: Method::Deflated,
            crc: crc.sum(),
            bytes: encoder.total_in(),
            packed_bytes: encoder.total_out(),
        })
    }

    const fn is_large(&self) -> bool {
        self.bytes >= LARGE || self.packed_bytes >= LARGE
    }

    const fn method_number(&self) -> u16 {
        match self.method {
            Method::Stored => 0,
            Method::Deflated => 8,
        }
    }
}

/// Writes an archive.
#[derive(Debug)]
pub(super) struct ArchiveWriter<W> {
    output: W,
    position: u64,
    /// What goes behind the last entry. It grows by a name and 46 bytes an entry.
    directory: Vec<u8>,
    entries: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive at position 0 of `output`.
    pub(super) const fn new(output: W) -> Self {
        Self {
            output,
            position: 0,
            directory: vec![],
            entries: 0,
        }
    }

    /// Writes an entry, whose data are as many bytes as the packing says.
    ///
    /// # Errors
    /// Those of reading and writing, and [`io::ErrorKind::UnexpectedEof`] where there are less data.
    pub(super) fn entry(
        &mut self,
        name: &str,
        time: [u16; 2],
        packing: Packing,
        data: impl Read,
    ) -> io::Result<()> {
        let start = self.position;
        let name_bytes = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let is_large = packing.is_large();
        let mut header = Fields::default();
        header.long(0x0403_4B50);
        common(&mut header, is_large, time, packing);
        header.short(name_bytes);
        header.short(if is_large { 20 } else { 0 });
        header.bytes(name.as_bytes());
        if is_large {
            // In front of the data it has both sizes or none (4.5.3).
            header.short(ZIP64_FIELD);
            header.short(16);
            header.very_long(packing.bytes);
            header.very_long(packing.packed_bytes);
        }
        self.write(&header.0)?;
        let copied = io::copy(&mut data.take(packing.packed_bytes), &mut self.output)?;
        self.position += copied;
        if copied < packing.packed_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.list(name, name_bytes, time, packing, start);
        Ok(())
    }

    /// The entry's record in the directory.
    fn list(&mut self, name: &str, name_bytes: u16, time: [u16; 2], packing: Packing, start: u64) {
        let (is_large, is_far) = (packing.is_large(), start >= LARGE);
        let field_bytes = if is_large { 16 } else { 0 } + if is_far { 8 } else { 0 };
        let mut record = Fields(std::mem::take(&mut self.directory));
        record.long(0x0201_4B50);
        record.short(VERSION_ZIP64);
        common(&mut record, is_large || is_far, time, packing);
        record.short(name_bytes);
        record.short(if field_bytes > 0 { field_bytes + 4 } else { 0 });
        // Comment, disk, and attributes: none.
        record.bytes(&[0; 10]);
        record.capped(start);
        record.bytes(name.as_bytes());
        if field_bytes > 0 {
            record.short(ZIP64_FIELD);
            record.short(field_bytes);
        }
        if is_large {
            record.very_long(packing.bytes);
            record.very_long(packing.packed_bytes);
        }
        if is_far {
            record.very_long(start);
        }
        self.directory = record.0;
        self.entries += 1;
    }

    /// Writes the directory and returns the size of the archive.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        let (start, entries) = (self.position, self.entries);
        let directory = std::mem::take(&mut self.directory);
        let bytes = directory.len() as u64;
        self.write(&directory)?;
        let mut end = Fields::default();
        if start >= LARGE || bytes >= LARGE || entries >= MANY {
            let zip64_start = self.position;
            end.long(0x0606_4B50);
            end.very_long(44);
            end.short(VERSION_ZIP64);
            end.short(VERSION_ZIP64);
            end.bytes(&[0; 8]);
            for number in [entries, entries, bytes, start] {
                end.very_long(number);
            }
            end.long(0x0706_4B50);
            end.long(0);
            end.very_long(zip64_start);
            end.long(1);
        }
        end.long(0x0605_4B50);
        end.bytes(&[0; 4]);
        let few = u16::try_from(entries).unwrap_or(u16::MAX);
        end.short(few);
        end.short(few);
        end.capped(bytes);
        end.capped(start);
        end.short(0);
        self.write(&end.0)?;
        self.output.flush()?;
        Ok(self.position)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// What both headers of an entry have: from the version that is needed to the sizes.
fn common(fields: &mut Fields, is_zip64: bool, [time, date]: [u16; 2], packing: Packing) {
    fields.short(if is_zip64 { VERSION_ZIP64 } else { VERSION });
    fields.short(UTF8);
    fields.short(packing.method_number());
    fields.short(time);
    fields.short(date);
    fields.long(packing.crc);
    if packing.is_large() {
        fields.bytes(&[0xFF; 8]);
    } else {
        fields.capped(packing.packed_bytes);
        fields.capped(packing.bytes);
    }
}

/// Numbers in the order of bytes of the format.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn short(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    fn long(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn very_long(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// A number of 32 bits, or the sign that it stands elsewhere.
    fn capped(&mut self, number: u64) {
        self.long(u32::try_from(number).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Seek, SeekFrom};

    use super::*;

    fn packed(content: &[u8]) -> (Packing, Vec<u8>) {
        let mut data = vec![];
        let packing = Packing::deflate(content, &mut data).unwrap();
        (packing, data)
    }

    #[test]
    fn entries_come_back_as_another_reader_sees_them() {
        let mut bytes = vec![];
        let mut writer = ArchiveWriter::new(&mut bytes);
        let stored = Packing::stored_from(&b"stored"[..]).unwrap();
        writer
            .entry("größe.txt", NO_TIME, stored, &b"stored"[..])
            .unwrap();
        let content = vec![7; 100_000];
        let (packing, data) = packed(&content);
        assert!(packing.packed_bytes < 1000);
        writer.entry("a/b.bmp", NO_TIME, packing, &data[..]).unwrap();
        let total = writer.finish().unwrap();
        assert_eq!(total, bytes.len() as u64);
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(archive.len(), 2);
        for (name, expected) in [("größe.txt", b"stored".to_vec()), ("a/b.bmp", content)] {
            let mut entry = archive.by_name(name).unwrap();
            let mut read = vec![];
            entry.read_to_end(&mut read).unwrap();
            assert!(read == expected, "{name}");
            assert_eq!(entry.comment(), "");
            assert!(entry.extra_data().unwrap_or_default().is_empty());
        }
    }

    #[test]
    fn data_that_end_too_early_are_an_error() {
        let mut writer = ArchiveWriter::new(vec![]);
        let error = writer
            .entry("a", NO_TIME, Packing::stored(1, 5), &b"1234"[..])
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn more_entries_than_the_original_format_counts_are_written() {
        let mut bytes = vec![];
        let mut writer = ArchiveWriter::new(&mut bytes);
        let packing = Packing::stored_from(&b"x"[..]).unwrap();
        for number in 0..65_536 {
            writer
                .entry(&format!("{number}"), NO_TIME, packing, &b"x"[..])
                .unwrap();
        }
        writer.finish().unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(archive.len(), 65_536);
        let mut text = String::new();
        archive
            .by_name("65535")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn entries_beyond_four_gibibytes_are_found() {
        const FAR: u64 = 5 << 30;
        // Nothing is written up to there, so that the file takes no space.
        let mut file = tempfile::tempfile().unwrap();
        file.seek(SeekFrom::Start(FAR)).unwrap();
        let mut writer = ArchiveWriter::new(&file);
        writer.position = FAR;
        let packing = Packing::stored_from(&b"far"[..]).unwrap();
        writer.entry("far.txt", NO_TIME, packing, &b"far"[..]).unwrap();
        writer.finish().unwrap();
        let mut archive = zip::ZipArchive::new(file).unwrap();
        let mut entry = archive.by_index(0).unwrap();
        assert_eq!(entry.header_start(), FAR);
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "far");
    }

    #[test]
    fn contents_of_more_than_four_gibibytes_have_their_size() {
        let bytes = 5 << 30;
        let packing = Packing {
            method: Method::Deflated,
            crc: 1,
            bytes,
            packed_bytes: 3,
        };
        let mut archive = vec![];
        let mut writer = ArchiveWriter::new(&mut archive);
        writer.entry("large.bmp", NO_TIME, packing, &b"123"[..]).unwrap();
        writer.finish().unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&archive)).unwrap();
        let entry = archive.by_index_raw(0).unwrap();
        assert_eq!((entry.size(), entry.compressed_size()), (bytes, 3));
    }
}
