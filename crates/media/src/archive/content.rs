//! The content of an entry, counted while it is unpacked.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, RangeReader};
use sfumato_core::MediaFormat;
use sfumato_media_client::limits::ArchiveLimits;

use super::directory::{Bounded, Directory, Listed};
use super::error::EntryError;
use crate::error::PictureError;

/// How much is read and unpacked at a time.
const STEP_BYTES: usize = 1 << 16;

/// From which size on the limit on growth counts: small files of one colour grow a thousandfold.
const RATIO_BYTES_MIN: u64 = 1 << 20;

/// What the entries of an archive may still unpack to.
#[derive(Debug)]
pub(super) struct Budget {
    limits: ArchiveLimits,
    spent: AtomicU64,
}

impl Budget {
    /// All of it.
    pub(super) const fn new(limits: ArchiveLimits) -> Self {
        Self {
            limits,
            spent: AtomicU64::new(0),
        }
    }

    fn spend(&self, bytes: u64) -> Result<(), EntryError> {
        let bytes_max = self.limits.bytes_max;
        let before = self.spent.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > bytes_max {
            return Err(EntryError::TooManyBytes { bytes_max });
        }
        Ok(())
    }

    /// Gives back what was unpacked for nothing, because it is going to be unpacked again.
    pub(super) fn give_back(&self, bytes: u64) {
        self.spent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The data of an entry, without their compression.
enum Stream<'a> {
    Stored(RangeReader<&'a Bounded<'a>>),
    Deflated(Box<DeflateDecoder<BufReader<RangeReader<&'a Bounded<'a>>>>>),
}

/// The content of an entry.
pub(super) struct Content<'a> {
    stream: Stream<'a>,
    budget: &'a Budget,
    crc: Crc,
    bytes: u64,
    listed_bytes: u64,
    listed_crc: u32,
    packed_bytes: u64,
}

impl<'a> Content<'a> {
    /// Finds the data of an entry.
    ///
    /// # Errors
    /// [`EntryError`] for what is no file, what is packed in a way that is not supported, and what [`Directory::data`]
    /// refuses.
    pub(super) fn open(
        directory: &'a Directory<'_>,
        listed: &Listed,
        budget: &'a Budget,
    ) -> Result<Self, EntryError> {
        if !listed.is_file {
            return Err(EntryError::NoFile);
        }
        if listed.is_encrypted {
            return Err(EntryError::Encrypted);
        }
        let is_deflated = match listed.method {
            CompressionMethod::STORE => false,
            CompressionMethod::DEFLATE => true,
            other => {
                return Err(EntryError::Method {
                    method: other
                        .name()
                        .map_or_else(|| other.as_u16().to_string(), str::to_lowercase),
                });
            }
        };
        let data = directory.data(listed)?;
        let stream = if is_deflated {
            let buffered = BufReader::with_capacity(STEP_BYTES, data);
            Stream::Deflated(Box::new(DeflateDecoder::new(buffered)))
        } else {
            Stream::Stored(data)
        };
        Ok(Self {
            stream,
            budget,
            crc: Crc::new(),
            bytes: 0,
            listed_bytes: listed.bytes,
            listed_crc: listed.crc,
            packed_bytes: listed.packed_bytes,
        })
    }

    /// Unpacks into the buffer; 0 at the end, where everything has been checked.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, EntryError> {
        let read = match &mut self.stream {
            Stream::Stored(stream) => stream.read(buffer),
            Stream::Deflated(stream) => stream.read(buffer),
        };
        let count = read.map_err(|error| match error.raw_os_error() {
            Some(_) => EntryError::Read(error),
            None => EntryError::Damaged,
        })?;
        if count == 0 {
            self.check()?;
            return Ok(0);
        }
        self.bytes += count as u64;
        self.crc.update(&buffer[..count]);
        self.budget.spend(count as u64)?;
        let ArchiveLimits {
            entry_bytes_max,
            ratio_max,
            ..
        } = self.budget.limits;
        if self.bytes > entry_bytes_max {
            return Err(EntryError::TooLarge { entry_bytes_max });
        }
        let most = self.packed_bytes.saturating_mul(ratio_max.into());
        if self.bytes > most.max(RATIO_BYTES_MIN) {
            return Err(EntryError::Ratio { ratio_max });
        }
        if self.bytes > self.listed_bytes {
            return Err(EntryError::Size);
        }
        Ok(count)
    }

    /// At the end the content has to be what the directory says.
    fn check(&self) -> Result<(), EntryError> {
        let is_used_up = match &self.stream {
            Stream::Stored(_) => true,
            Stream::Deflated(stream) => stream.total_in() == self.packed_bytes,
        };
        if self.bytes != self.listed_bytes || !is_used_up {
            return Err(EntryError::Size);
        }
        if self.crc.sum() != self.listed_crc {
            return Err(EntryError::Checksum);
        }
        Ok(())
    }

    /// How much has been unpacked.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Recognises the format by the first bytes; `None` for what is not supported.
    pub(super) fn sniff(mut self) -> Result<Option<MediaFormat>, EntryError> {
        let mut head = [0; MediaFormat::SNIFF_BYTES];
        let mut filled = 0;
        while filled < head.len() {
            match self.read(&mut head[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(MediaFormat::sniff(&head[..filled]))
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// [`EntryError`] where there are more than `bytes_max` bytes, where there is no memory for them, or where they are not
    /// what they should be.
    pub(super) fn read_all(&mut self, bytes_max: u64) -> Result<Vec<u8>, EntryError> {
        let mut whole = Vec::new();
        let expected = self.listed_bytes.min(bytes_max);
        let expected = usize::try_from(expected).map_err(|_| PictureError::Memory)?;
        // What the directory says is worth as much memory as the packed data have. The rest comes as it is needed.
        let packed = usize::try_from(self.packed_bytes).unwrap_or(usize::MAX);
        whole
            .try_reserve_exact(expected.min(packed))
            .map_err(|_| PictureError::Memory)?;
        let mut step = [0; STEP_BYTES];
        loop {
            let count = self.read(&mut step)?;
            if count == 0 {
                return Ok(whole);
            }
            if self.bytes > bytes_max {
                return Err(EntryError::Picture(PictureError::FileTooLarge {
                    bytes: self.listed_bytes.max(self.bytes),
                    picture_bytes_max: bytes_max,
                }));
            }
            whole.try_reserve(count).map_err(|_| PictureError::Memory)?;
            whole.extend_from_slice(&step[..count]);
        }
    }

    /// All of it, into a file from position 0 on.
    ///
    /// # Errors
    /// [`EntryError`] where the file cannot be written, or where the content is not what it should be.
    pub(super) fn write_all(&mut self, file: &File) -> Result<u64, EntryError> {
        file.set_len(0).map_err(EntryError::Write)?;
        let mut step = [0; STEP_BYTES];
        loop {
            let position = self.bytes;
            let count = self.read(&mut step)?;
            if count == 0 {
                return Ok(self.bytes);
            }
            file.write_all_at(&step[..count], position)
                .map_err(EntryError::Write)?;
        }
    }
}
