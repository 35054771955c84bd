//! Archives to work on, written byte by byte so that they can lie, and short words for what is done with them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::write::DeflateEncoder;
use serde_json::Value;
use sfumato_core::AnonymizeOptions;
use sfumato_core::MediaFormat;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_media::archive::{ArchiveError, Files};
use sfumato_media::fuzzing;
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Document, Failure, Goal, Report, Task};

/// An entry as it is written: what stands in front of its data, its data, and its record in the directory.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    /// The name in front of the data, where it is another.
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) data: Vec<u8>,
    /// What stands behind the data.
    pub(crate) descriptor: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) local_flags: Option<u16>,
    pub(crate) method: u16,
    pub(crate) local_method: Option<u16>,
    pub(crate) crc: u32,
    /// Size of the data and of the content.
    pub(crate) sizes: [u32; 2],
    /// Checksum, size of the data and of the content in front of the data, where they are others.
    pub(crate) local: Option<[u32; 3]>,
    pub(crate) extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) made_by: u16,
    pub(crate) attributes: u32,
    /// Where it says that it begins, where that is not true.
    pub(crate) offset: Option<u32>,
}

pub(crate) const UTF8: u16 = 1 << 11;
pub(crate) const DESCRIPTOR: u16 = 1 << 3;

pub(crate) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![], flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An entry without compression.
pub(crate) fn stored(name: &str, content: &[u8]) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        local_name: None,
        data: content.to_vec(),
        descriptor: vec![],
        flags: if name.is_ascii() { 0 } else { UTF8 },
        local_flags: None,
        method: 0,
        local_method: None,
        crc: crc(content),
        sizes: [size(content); 2],
        local: None,
        extra: vec![],
        comment: vec![],
        made_by: 20,
        attributes: 0,
        offset: None,
    }
}

/// An entry with compression.
pub(crate) fn deflated(name: &str, content: &[u8]) -> Entry {
    let data = deflate(content);
    Entry {
        method: 8,
        sizes: [size(&data), size(content)],
        data,
        ..stored(name, content)
    }
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

fn long(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

impl Entry {
    pub(crate) fn local_header(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let [crc, packed, bytes] = self.local.unwrap_or([self.crc, self.sizes[0], self.sizes[1]]);
        [
            b"PK\x03\x04\x14\0",
            &self.local_flags.unwrap_or(self.flags).to_le_bytes()[..],
            &self.local_method.unwrap_or(self.method).to_le_bytes(),
            &[0x21, 0x65, 0x21, 0x58],
            &crc.to_le_bytes(),
            &packed.to_le_bytes(),
            &bytes.to_le_bytes(),
            &short(name.len()),
            &short(self.extra.len()),
            name,
            &self.extra,
        ]
        .concat()
    }

    pub(crate) fn record(&self, offset: usize) -> Vec<u8> {
        let offset = self.offset.unwrap_or(u32::try_from(offset).unwrap());
        [
            b"PK\x01\x02",
            &self.made_by.to_le_bytes()[..],
            &[20, 0],
            &self.flags.to_le_bytes(),
            &self.method.to_le_bytes(),
            &[0x21, 0x65, 0x21, 0x58],
            &self.crc.to_le_bytes(),
            &self.sizes[0].to_le_bytes(),
            &self.sizes[1].to_le_bytes(),
            &short(self.name.len()),
            &short(self.extra.len()),
            &short(self.comment.len()),
            &[0; 4],
            &self.attributes.to_le_bytes(),
            &offset.to_le_bytes(),
            &self.name,
            &self.extra,
            &self.comment,
        ]
        .concat()
    }
}

/// The record at the end of an archive.
pub(crate) fn end_record(entries: usize, directory_bytes: usize, directory_offset: usize) -> Vec<u8> {
    [
        b"PK\x05\x06\0\0\0\0",
        &short(entries)[..],
        &short(entries),
        &long(directory_bytes),
        &long(directory_offset),
        &[0, 0],
    ]
    .concat()
}

/// An archive of these entries.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut directory = vec![];
    for entry in entries {
        directory.extend(entry.record(bytes.len()));
        bytes.extend(entry.local_header());
        bytes.extend_from_slice(&entry.data);
        bytes.extend_from_slice(&entry.descriptor);
    }
    let end = end_record(entries.len(), directory.len(), bytes.len());
    bytes.extend(directory);
    bytes.extend(end);
    bytes
}

/// A BMP of one colour, 24x24 pixels: the smallest picture that takes no decoder's time.
pub(crate) fn bmp(colour: [u8; 3]) -> Vec<u8> {
    bmp_of(24, 24, |x, y| {
        [
            colour[0],
            colour[1].wrapping_add(x as u8),
            colour[2].wrapping_add(y as u8),
        ]
    })
}

/// A BMP of any size.
pub(crate) fn bmp_of(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let row_bytes = (width as usize * 3).next_multiple_of(4);
    let data_bytes = row_bytes * height as usize;
    let mut bytes = [
        b"BM",
        &long(54 + data_bytes)[..],
        &[0; 4],
        &long(54),
        &long(40),
        &width.to_le_bytes(),
        &height.to_le_bytes(),
        &[1, 0, 24, 0],
        &[0; 4],
        &long(data_bytes),
        &[0; 16],
    ]
    .concat();
    for y in (0..height).rev() {
        let start = bytes.len();
        for x in 0..width {
            let [red, green, blue] = pixel(x, y);
            bytes.extend([blue, green, red]);
        }
        bytes.resize(start + row_bytes, 0);
    }
    bytes
}

/// A face near the top left corner.
pub(crate) fn known() -> [Detection; 1] {
    [Detection {
        class: Class::Face,
        bbox: BoundingBox {
            left: 2.0,
            top: 2.0,
            right: 9.0,
            bottom: 12.0,
        },
        confidence: 0.9,
        model: "known".into(),
        corners: None,
    }]
}

/// The files of a task, in a folder for temporary files.
pub(crate) fn files(original: &[u8]) -> Files {
    let file = || Arc::new(tempfile::tempfile().unwrap());
    let input = file();
    (&*input).write_all(original).unwrap();
    files_with(input)
}

pub(crate) fn files_with(input: Arc<File>) -> Files {
    let file = || Arc::new(tempfile::tempfile().unwrap());
    Files {
        input,
        output: file(),
        document: file(),
        spares: [file(), file(), file()],
    }
}

pub(crate) fn read(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// What is asked of an archive.
pub(crate) struct Asked {
    pub(crate) options: AnonymizeOptions,
    pub(crate) limits: MediaLimits,
    pub(crate) goal: Goal,
    pub(crate) lanes: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            options: AnonymizeOptions::default(),
            limits: MediaLimits::default(),
            goal: Goal::Anonymize,
            lanes: 2,
        }
    }
}

impl Asked {
    pub(crate) fn task(&self, bytes: u64) -> Task {
        Task {
            format: MediaFormat::Zip,
            bytes,
            goal: self.goal,
            options: self.options.clone(),
            limits: self.limits,
            given: None,
            seed: [42; 32],
        }
    }

    /// Processes an archive with detections that are known.
    pub(crate) fn of(&self, bytes: &[u8]) -> Result<Done, Failure> {
        let files = files(bytes);
        let task = self.task(bytes.len() as u64);
        let mut heard = vec![];
        let report = fuzzing::archive(&task, &files, &known(), self.lanes, |part| heard.push(part));
        let done = Done::new(report?, &files);
        assert!(heard.is_sorted(), "{heard:?}");
        assert_eq!(heard.last(), Some(&1.0));
        Ok(done)
    }

    pub(crate) fn failed(&self, bytes: &[u8]) -> ArchiveError {
        let task = self.task(bytes.len() as u64);
        match fuzzing::archive(&task, &files(bytes), &known(), self.lanes, |_| ()) {
            Err(error) => error,
            Ok(report) => panic!("it was accepted: {report:?}"),
        }
    }
}

/// What came of an archive.
pub(crate) struct Done {
    pub(crate) report: Report,
    pub(crate) result: Vec<u8>,
    /// The report for the customer.
    pub(crate) document: Value,
}

impl Done {
    pub(crate) fn new(report: Report, files: &Files) -> Self {
        let (result, document) = (read(&files.output), read(&files.document));
        assert_eq!(report.bytes, result.len() as u64);
        let Document::Written { bytes } = report.document else {
            panic!("the document is not at its descriptor: {report:?}")
        };
        assert_eq!(bytes, document.len() as u64);
        let document = serde_json::from_slice(&document)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&document)));
        Self {
            report,
            result,
            document,
        }
    }

    /// The names of the result's entries in their order.
    pub(crate) fn names(&self) -> Vec<String> {
        let archive = zip::ZipArchive::new(Cursor::new(&self.result)).unwrap();
        (0..archive.len())
            .map(|index| archive.name_for_index(index).unwrap().unwrap().into_owned())
            .collect()
    }

    /// The content of all entries of the result, read by another reader, which checks them.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let mut archive = zip::ZipArchive::new(Cursor::new(&self.result)).unwrap();
        let mut contents = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = vec![];
            entry.read_to_end(&mut content).unwrap();
            let name = entry.name().unwrap().into_owned();
            assert!(contents.insert(name, content).is_none());
        }
        contents
    }

    /// What the report says of the entry with this number.
    pub(crate) fn entry(&self, number: usize) -> &Value {
        &self.document["entries"][number]
    }

    pub(crate) fn statuses(&self) -> Vec<&str> {
        let entries = self.document["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["status"].as_str().unwrap())
            .collect()
    }

    /// Why the entry with this number failed.
    pub(crate) fn error(&self, number: usize) -> &str {
        self.entry(number)["error"].as_str().unwrap_or_default()
    }
}
