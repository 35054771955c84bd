//! Lanes that fail in every way, and one that is faster than the thread that writes.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Mutex;

use sfumato_core::detection::{DetectionsDocument, DocumentSource, PictureInfo, SCHEMA};
use sfumato_core::{AnonymizeOptions, FailureClass};
use sfumato_media_client::limits::MediaLimits;

use super::*;
use crate::error::PictureError;

/// The first bytes of a JPEG. The byte behind them says which one it is.
const MAGIC: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// A picture as a lane sees it: which one it is, and how often it has been tried.
type Script = fn(picture: u8, attempt: u32) -> Result<Vec<u8>, PictureError>;

/// Does what is written down for it.
struct Scripted<'a> {
    script: Script,
    attempts: &'a Mutex<HashMap<u8, u32>>,
}

impl Lane for Scripted<'_> {
    fn picture(
        &mut self,
        task: &Task,
        original: &[u8],
        result: &mut Vec<u8>,
    ) -> Result<Report, PictureError> {
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            let count = attempts.entry(original[3]).or_default();
            *count += 1;
            *count
        };
        *result = (self.script)(original[3], attempt)?;
        Ok(Report {
            format: task.format,
            bytes: result.len() as u64,
            hidden: Hidden::default(),
            document: Document::Picture(DetectionsDocument {
                schema: SCHEMA.to_owned(),
                source: DocumentSource::Detected,
                picture: PictureInfo {
                    width: 1,
                    height: 1,
                    format: task.format,
                    orientation: 1,
                    frames: None,
                },
                detections: vec![],
            }),
            warnings: vec![],
            timings: Timings::default(),
        })
    }

    fn video(
        &mut self,
        _task: &Task,
        _spares: &[Arc<File>; 3],
        _threads: NonZeroU32,
        _on_progress: &mut dyn FnMut(f32),
    ) -> Result<Report, Failure> {
        unreachable!("there are no videos in these archives")
    }
}

/// An archive of so many pictures of four bytes.
fn pictures(count: u8) -> Vec<u8> {
    let mut bytes = vec![];
    let mut writer = ArchiveWriter::new(&mut bytes);
    for number in 0..count {
        let content = [&MAGIC[..], &[number]].concat();
        let packing = Packing::stored_from(&content[..]).unwrap();
        writer
            .entry(&format!("{number}.jpg"), NO_TIME, packing, &content[..])
            .unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn task(bytes: &[u8], bytes_max: u64) -> Task {
    Task {
        format: MediaFormat::Zip,
        bytes: bytes.len() as u64,
        goal: Goal::Anonymize,
        options: AnonymizeOptions::default(),
        limits: MediaLimits {
            archive: ArchiveLimits {
                bytes_max,
                ..ArchiveLimits::DEFAULT
            },
            ..MediaLimits::DEFAULT
        },
        given: None,
        seed: [1; 32],
    }
}

fn files(bytes: &[u8]) -> Files {
    let file = || Arc::new(tempfile::tempfile().unwrap());
    let input = file();
    (&*input).write_all(bytes).unwrap();
    Files {
        input,
        output: file(),
        document: file(),
        spares: [file(), file(), file()],
    }
}

/// The statuses in the report of an archive of ten pictures.
fn processed(script: Script) -> Result<Vec<String>, ArchiveError> {
    let bytes = pictures(10);
    let files = files(&bytes);
    let attempts = Mutex::default();
    let mut lanes: Vec<Scripted<'_>> = (0..3)
        .map(|_| Scripted {
            script,
            attempts: &attempts,
        })
        .collect();
    // What the ten pictures have together, so that nothing may count twice.
    let report = run(&mut lanes, &task(&bytes, 40), &files, &mut |_| ())?;
    let Document::Written { bytes } = report.document else {
        unreachable!("the document of an archive is a file")
    };
    let mut text = String::new();
    At::new(&files.document)
        .take(bytes)
        .read_to_string(&mut text)
        .unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = document["entries"].as_array().unwrap();
    let status = |entry: &serde_json::Value| entry["status"].as_str().unwrap().to_owned();
    Ok(entries.iter().map(status).collect())
}

/// Nine successes, and the fourth picture failed.
fn only_the_fourth_failed() -> Vec<String> {
    let status = |number| if number == 3 { "failed" } else { "succeeded" };
    (0..10).map(|number| status(number).to_owned()).collect()
}

#[test]
fn a_picture_that_found_no_memory_is_tried_again() {
    let statuses = processed(|_, attempt| match attempt {
        1 => Err(PictureError::Memory),
        _ => Ok(vec![1]),
    });
    assert_eq!(statuses.unwrap(), vec!["succeeded"; 10]);
}

#[test]
fn a_picture_that_never_finds_memory_fails_alone() {
    let statuses = processed(|picture, attempt| match picture {
        3 if attempt <= 2 => Err(PictureError::Memory),
        _ => Ok(vec![1]),
    });
    assert_eq!(statuses.unwrap(), only_the_fourth_failed());
}

#[test]
fn a_panic_fails_its_entry_alone() {
    let statuses = processed(|picture, _| {
        assert!(picture != 3, "a fault for a test");
        Ok(vec![1])
    });
    assert_eq!(statuses.unwrap(), only_the_fourth_failed());
}

#[test]
fn an_internal_error_fails_its_entry_alone() {
    let statuses = processed(|picture, _| match picture {
        3 => Err(PictureError::internal("a fault for a test")),
        _ => Ok(vec![1]),
    });
    assert_eq!(statuses.unwrap(), only_the_fourth_failed());
}

#[test]
fn an_original_that_cannot_be_read_fails_the_archive_for_now() {
    let error = processed(|picture, _| match picture {
        3 => Err(PictureError::Read(io::Error::other("a disk for a test"))),
        _ => Ok(vec![1]),
    });
    assert_eq!(error.unwrap_err().class(), FailureClass::Transient);
}

#[test]
fn a_result_that_cannot_be_written_fails_the_archive_for_now() {
    let bytes = pictures(10);
    let mut files = files(&bytes);
    files.output = Arc::new(File::open("/dev/null").unwrap());
    let attempts = Mutex::default();
    let mut lanes = [Scripted {
        // More than waits in front of the file.
        script: |_, _| Ok(vec![1; 1 << 20]),
        attempts: &attempts,
    }];
    let error = run(&mut lanes, &task(&bytes, 40), &files, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ArchiveError::Write(_)), "{error:?}");
}

#[test]
fn no_lanes_are_a_fault_of_ours() {
    let bytes = pictures(1);
    let mut lanes: [Scripted<'_>; 0] = [];
    let error = run(&mut lanes, &task(&bytes, 40), &files(&bytes), &mut |_| ()).unwrap_err();
    assert_eq!(error.class(), FailureClass::Internal);
}

#[test]
fn what_waits_to_be_written_is_bounded() {
    const LANES: usize = 3;
    const RESULT_BYTES: u64 = 4 << 20;
    let bytes = pictures(60);
    let task = task(&bytes, 240);
    let files = files(&bytes);
    let original = Original(&files.input);
    let directory = Directory::open(&original, task.bytes, &task.limits.archive).unwrap();
    let common = Common {
        directory: &directory,
        task: &task,
        files: &files,
        budget: Budget::new(task.limits.archive),
        threads: NonZeroU32::MIN,
    };
    let mut buffer = Directory::buffer();
    let line = Line::new(&common, directory.entries(&mut buffer), LANES);
    let attempts = Mutex::default();
    let mut written = 0;
    thread::scope(|scope| {
        for number in 0..LANES {
            let (line, attempts) = (&line, &attempts);
            scope.spawn(move || {
                let script: Script = |_, _| Ok(vec![1; 4 << 20]);
                line.work(&mut Scripted { script, attempts }, number);
            });
        }
        line.collect(directory.weight(), &mut |_| (), |outcome| {
            assert_eq!(outcome.number, written);
            written += 1;
            if written == 1 {
                line.wait_until_full();
            }
            let most = (64 << 20) + RESULT_BYTES * (LANES as u64 + 1);
            assert!(
                line.waiting_bytes() <= most,
                "{} bytes wait",
                line.waiting_bytes()
            );
            Ok(())
        })
    })
    .unwrap();
    assert_eq!(written, 60);
}
