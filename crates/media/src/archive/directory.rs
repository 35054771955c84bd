//! The directory at the end of an archive, read as a stream: nothing of it is held but where entries begin.
//!
//! The directory is the judge: what is not in it is not looked at, and what stands in front of the data of an entry has
//! to agree with it. The data of an entry have to end before the next entry begins. Entries that overlap are how an
//! archive of few bytes unpacks to millions of them (Fifield, A better zip bomb, WOOT 2019).

use std::io;

use rawzip::{
    CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, RangeReader, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipEntries, ZipFileHeaderRecord, ZipLocator,
};
use sfumato_media_client::limits::ArchiveLimits;

use super::error::{ArchiveError, EntryError};
use super::name;

/// Length of all names together at most, in bytes. What of a directory stays in memory grows with them.
const NAMES_BYTES_MAX: u64 = 32 << 20;

/// The smallest archive: an end record that says that there is nothing (APPNOTE.TXT, 4.3.16).
const END_RECORD_BYTES: usize = 22;

/// The part of what stands in front of an entry's data that is always there (APPNOTE.TXT, 4.3.7).
const LOCAL_HEADER_BYTES: u64 = 30;

/// The first bytes of an entry.
const ENTRY_SIGNATURE: [u8; 4] = *b"PK\x03\x04";

/// The first bytes of an archive without entries.
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";

/// A number in an end record that stands in ZIP64's end record instead.
const ELSEWHERE: u16 = u16::MAX;

/// An original, which several threads read at explicit positions.
pub(crate) trait Source: ReaderAt + Sync {}

impl<T: ReaderAt + Sync> Source for T {}

/// An original that has a known size. Behind its end there is nothing, whatever the position.
pub(super) struct Bounded<'a> {
    source: &'a dyn Source,
    bytes: u64,
}

impl ReaderAt for Bounded<'_> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let Some(left) = self.bytes.checked_sub(position).filter(|left| *left > 0) else {
            return Ok(0);
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.source.read_at(&mut buffer[..most], position)
    }
}

/// The directory of an archive.
pub(super) struct Directory<'a> {
    archive: ZipArchive<Bounded<'a>>,
    /// For each entry in the order of the directory where the next one begins: its data end there at the latest.
    rooms: Vec<u64>,
    weight: u64,
}

impl<'a> Directory<'a> {
    /// Finds the directory, walks through it once, and holds it against the limits.
    ///
    /// # Errors
    /// [`ArchiveError`] where it is none, is damaged, or is over a limit.
    pub(super) fn open(
        source: &'a dyn Source,
        bytes: u64,
        limits: &ArchiveLimits,
    ) -> Result<Self, ArchiveError> {
        if bytes == 0 {
            return Err(ArchiveError::Empty);
        }
        let source = Bounded { source, bytes };
        let mut signature = [0; 4];
        source
            .read_exact_at(&mut signature, 0)
            .map_err(|error| ArchiveError::of_directory(error.into()))?;
        if ![ENTRY_SIGNATURE, END_SIGNATURE].contains(&signature) {
            return Err(ArchiveError::DataInFront);
        }
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipLocator::new()
            .locate_in_reader(source, &mut buffer, bytes)
            .map_err(|(_, error)| ArchiveError::of_directory(error))?;
        let end = EndRecord::read(&archive)?;
        end.check(&archive)?;
        let mut directory = Self {
            archive,
            rooms: vec![],
            weight: 0,
        };
        directory.survey(end, limits, &mut buffer)?;
        Ok(directory)
    }

    /// Notes where entries begin, and counts them.
    fn survey(
        &mut self,
        end: EndRecord,
        limits: &ArchiveLimits,
        buffer: &mut [u8],
    ) -> Result<(), ArchiveError> {
        let entries_max = limits.entries_max;
        if self.archive.entries_hint() > u64::from(entries_max) {
            return Err(ArchiveError::TooManyEntries { entries_max });
        }
        let mut names_bytes: u64 = 0;
        let mut starts: Vec<(u64, usize)> = vec![];
        let mut entries = self.archive.entries(buffer);
        while let Some(record) = entries.next_entry().map_err(ArchiveError::of_directory)? {
            if starts.len() as u64 >= u64::from(entries_max) {
                return Err(ArchiveError::TooManyEntries { entries_max });
            }
            names_bytes += record.file_path().len() as u64;
            if names_bytes > NAMES_BYTES_MAX {
                return Err(ArchiveError::NamesTooLong {
                    names_bytes_max: NAMES_BYTES_MAX,
                });
            }
            starts.push((record.local_header_offset(), starts.len()));
        }
        if !end.agrees(starts.len() as u64, self.archive.entries_hint()) {
            return Err(ArchiveError::Damaged {
                detail: "its directory has not as many entries as its end says",
            });
        }
        starts.sort_unstable();
        self.rooms = vec![0; starts.len()];
        let mut next = self.archive.directory_offset();
        for (start, index) in starts.into_iter().rev() {
            self.rooms[index] = next;
            self.weight += next.saturating_sub(start);
            next = next.min(start);
        }
        Ok(())
    }

    /// The weights of all entries together, folders too.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }

    /// Walks through the entries in the order of the directory.
    pub(super) fn entries<'b>(&'b self, buffer: &'b mut [u8]) -> Entries<'b, 'a> {
        Entries {
            directory: self,
            records: self.archive.entries(buffer),
            index: 0,
        }
    }

    /// A buffer that any record goes into.
    pub(super) fn buffer() -> Vec<u8> {
        vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE]
    }

    /// Finds the data of an entry.
    ///
    /// # Errors
    /// [`EntryError`] where what stands in front of them is something else than the directory says, and where they reach
    /// into another entry.
    pub(super) fn data<'b>(&'b self, listed: &Listed) -> Result<RangeReader<&'b Bounded<'b>>, EntryError> {
        let contradiction = |what| EntryError::Contradiction { what };
        let found = self.archive.get_entry(listed.place).map_err(of_entry)?;
        let (start, end) = found.compressed_data_range();
        if end > listed.room {
            return Err(EntryError::Overlap);
        }
        // The data begin behind the header, which has a fixed part and this.
        let variable = start.saturating_sub(listed.start + LOCAL_HEADER_BYTES);
        let mut buffer = vec![0; usize::try_from(variable).unwrap_or(0)];
        let local = found.local_header(&mut buffer).map_err(of_entry)?;
        if local.file_path().as_bytes() != listed.raw_name {
            return Err(contradiction("the name"));
        }
        if local.compression_method() != listed.method {
            return Err(contradiction("the compression"));
        }
        if local.flags().is_encrypted() != listed.is_encrypted {
            return Err(contradiction("the encryption"));
        }
        // Whoever writes a stream knows sizes and checksum only behind the data, and has zeros in front of them.
        let agrees = |here: u64, listed: u64| here == 0 || here == listed;
        if !agrees(local.compressed_size_hint(), listed.packed_bytes)
            || !agrees(local.uncompressed_size_hint(), listed.bytes)
        {
            return Err(contradiction("the size"));
        }
        if !agrees(local.crc32().into(), listed.crc.into()) {
            return Err(contradiction("the checksum"));
        }
        Ok(RangeReader::new(self.archive.get_ref(), start..end))
    }
}

/// What the reader of an entry says.
fn of_entry(error: rawzip::Error) -> EntryError {
    match error.into_kind() {
        ErrorKind::IO(error) if error.raw_os_error().is_some() => EntryError::Read(error),
        _ => EntryError::Contradiction {
            what: "there is no entry where it should be",
        },
    }
}

/// What the end record says that the reader of archives does not look at.
#[derive(Clone, Copy, Debug)]
struct EndRecord {
    disk: u16,
    directory_disk: u16,
    directory_offset: u32,
    is_zip64: bool,
}

impl EndRecord {
    fn read(archive: &ZipArchive<Bounded<'_>>) -> Result<Self, ArchiveError> {
        let mut bytes = [0; END_RECORD_BYTES];
        let offset = archive.eocd_offset();
        archive
            .get_ref()
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| ArchiveError::of_directory(error.into()))?;
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let directory_offset = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        Ok(Self {
            disk: short(4),
            directory_disk: short(6),
            directory_offset,
            // Only then the reader believes another number than the one in this record.
            is_zip64: archive.entries_hint() != u64::from(short(10)) || directory_offset == u32::MAX,
        })
    }

    /// One file, which begins with the archive.
    fn check(self, archive: &ZipArchive<Bounded<'_>>) -> Result<(), ArchiveError> {
        let is_first = |disk: u16| disk == 0 || disk == ELSEWHERE;
        if !is_first(self.disk) || !is_first(self.directory_disk) {
            return Err(ArchiveError::Split);
        }
        let is_moved = archive.directory_offset() != u64::from(self.directory_offset);
        if !self.is_zip64 && self.directory_offset != u32::MAX && is_moved {
            return Err(ArchiveError::DataInFront);
        }
        Ok(())
    }

    /// Whether the end record speaks of that many entries. Programs that know no ZIP64 begin again at 0 behind 65,535.
    const fn agrees(self, entries: u64, said: u64) -> bool {
        entries == said || (!self.is_zip64 && entries % (1 << 16) == said)
    }
}

/// An entry as the directory has it.
#[derive(Debug)]
pub(super) struct Listed {
    /// Its number in the directory, from 0.
    pub(super) index: u32,
    /// The name as it stands there.
    pub(super) raw_name: Vec<u8>,
    /// The name as text, where it is one.
    pub(super) name: Result<String, name::NameError>,
    pub(super) is_folder: bool,
    /// Whether it is an ordinary file, as opposed to a link or a device.
    pub(super) is_file: bool,
    pub(super) is_encrypted: bool,
    pub(super) method: CompressionMethod,
    /// Size of its data in the archive.
    pub(super) packed_bytes: u64,
    /// Size of its content, which nobody has counted yet.
    pub(super) bytes: u64,
    /// The checksum of its content.
    pub(super) crc: u32,
    /// Date and time as they stand there.
    pub(super) time: [u16; 2],
    /// Bytes of the archive between this entry and the next one: its share of the work, and nothing that can be lied about.
    pub(super) weight: u64,
    /// Where it begins.
    start: u64,
    /// Where the next entry begins.
    room: u64,
    place: ZipArchiveEntryWayfinder,
}

/// Bits of a Unix mode that say what kind of file it is, and the two kinds that are none of the others.
const KIND_MASK: u32 = 0o170_000;
const KIND_FILE: u32 = 0o100_000;
const KIND_FOLDER: u32 = 0o040_000;

impl Listed {
    fn new(record: &ZipFileHeaderRecord<'_>, index: usize, room: u64) -> Self {
        let path = record.file_path();
        let flags = record.flags();
        let kind = record.mode().value() & KIND_MASK;
        Self {
            // There are at most as many entries as a number of 32 bits allows.
            index: u32::try_from(index).unwrap_or(u32::MAX),
            raw_name: path.as_bytes().to_vec(),
            name: name::decode(path.as_bytes(), flags.is_utf8(), record.extra_fields()),
            is_folder: path.as_bytes().ends_with(b"/") || path.as_bytes().ends_with(b"\\"),
            is_file: matches!(kind, KIND_FILE | KIND_FOLDER),
            is_encrypted: flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked(),
            method: record.compression_method(),
            packed_bytes: record.compressed_size_hint(),
            bytes: record.uncompressed_size_hint(),
            crc: record.crc32(),
            time: [
                record.last_modified_dos().packed_time(),
                record.last_modified_dos().packed_date(),
            ],
            weight: room.saturating_sub(record.local_header_offset()),
            start: record.local_header_offset(),
            room,
            place: record.wayfinder(),
        }
    }
}

/// The entries of a directory, one after the other.
pub(super) struct Entries<'b, 'a> {
    directory: &'b Directory<'a>,
    records: ZipEntries<'b, 'b, Bounded<'a>>,
    index: usize,
}

impl Entries<'_, '_> {
    /// The next one; none behind the last.
    ///
    /// # Errors
    /// [`ArchiveError`]: the directory was read before, so that only reading itself can fail.
    pub(super) fn next(&mut self) -> Result<Option<Listed>, ArchiveError> {
        let Some(room) = self.directory.rooms.get(self.index) else {
            return Ok(None);
        };
        let Some(record) = self.records.next_entry().map_err(ArchiveError::of_directory)? else {
            return Ok(None);
        };
        let listed = Listed::new(&record, self.index, *room);
        self.index += 1;
        Ok(Some(listed))
    }
}
