//! Archives that are too large in one way or another, and such as are large and fit.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sfumato_core::FailureClass;
use sfumato_core::options::OtherEntries;
use sfumato_media::fuzzing;
use sfumato_media_client::limits::{ArchiveLimits, MediaLimits};

use crate::archive_support::*;

fn limited(archive: ArchiveLimits) -> Asked {
    Asked {
        limits: MediaLimits {
            archive,
            ..MediaLimits::DEFAULT
        },
        ..Asked::default()
    }
}

fn refused(asked: &Asked, bytes: &[u8]) -> String {
    let error = asked.failed(bytes);
    assert_eq!(error.class(), FailureClass::Input, "{error}");
    error.to_string()
}

#[test]
fn too_many_entries_are_refused_before_any_is_looked_at() {
    let asked = limited(ArchiveLimits {
        entries_max: 2,
        ..ArchiveLimits::DEFAULT
    });
    let picture = bmp([1, 2, 3]);
    let entries = [
        stored("a.bmp", &picture),
        stored("folder/", b""),
        stored("b.bmp", &picture),
    ];
    let error = refused(&asked, &archive(&entries));
    assert!(error.contains("more than 2 entries and folders"), "{error}");
    assert!(asked.of(&archive(&entries[..2])).is_ok());
}

#[test]
fn folders_that_only_names_speak_of_count_too() {
    let asked = limited(ArchiveLimits {
        entries_max: 3,
        ..ArchiveLimits::DEFAULT
    });
    let error = refused(&asked, &archive(&[stored("a/b/c/d/e.bmp", &bmp([1, 2, 3]))]));
    assert!(error.contains("more than 3 entries and folders"), "{error}");
}

#[test]
fn an_entry_that_is_too_large_fails_alone() {
    let large = bmp_of(200, 200, |x, y| [x as u8, y as u8, 0]);
    let asked = limited(ArchiveLimits {
        entry_bytes_max: 100_000,
        ..ArchiveLimits::DEFAULT
    });
    let entries = [
        deflated("large.bmp", &large),
        stored("small.bmp", &bmp([1, 2, 3])),
    ];
    let done = asked.of(&archive(&entries)).unwrap();
    assert_eq!(done.statuses(), ["failed", "succeeded"]);
    assert!(
        done.error(0).contains("more than 100000 bytes"),
        "{}",
        done.error(0)
    );
}

#[test]
fn a_picture_that_is_too_large_for_memory_fails_alone() {
    let large = bmp_of(200, 200, |x, y| [x as u8, y as u8, 0]);
    let mut asked = Asked::default();
    asked.limits.picture_bytes_max = 100_000;
    let entries = [
        deflated("large.bmp", &large),
        stored("small.bmp", &bmp([1, 2, 3])),
    ];
    let done = asked.of(&archive(&entries)).unwrap();
    assert_eq!(done.statuses(), ["failed", "succeeded"]);
    assert!(
        done.error(0).contains("the limit for a picture is 100000 bytes"),
        "{}",
        done.error(0)
    );
}

#[test]
fn an_entry_that_grows_too_much_fails_alone() {
    // More than the first mebibyte, which any entry may have.
    let flat = bmp_of(1000, 1000, |_, _| [7, 7, 7]);
    let entries = [deflated("flat.bmp", &flat), stored("small.bmp", &bmp([1, 2, 3]))];
    let done = Asked::default().of(&archive(&entries)).unwrap();
    assert_eq!(done.statuses(), ["failed", "succeeded"]);
    assert!(
        done.error(0).contains("more than 200 times as large"),
        "{}",
        done.error(0)
    );
    let asked = limited(ArchiveLimits {
        ratio_max: 2000,
        ..ArchiveLimits::DEFAULT
    });
    assert_eq!(
        asked.of(&archive(&entries)).unwrap().statuses(),
        ["succeeded", "succeeded"]
    );
}

#[test]
fn entries_that_are_too_large_together_fail_the_archive_with_any_number_of_lanes() {
    let picture = bmp([1, 2, 3]);
    let entries: Vec<Entry> = (0..10)
        .map(|number| deflated(&format!("{number}.bmp"), &picture))
        .collect();
    let original = archive(&entries);
    let bytes_max = picture.len() as u64 * 9;
    for lanes in [1, 2, 4] {
        let mut asked = limited(ArchiveLimits {
            bytes_max,
            ..ArchiveLimits::DEFAULT
        });
        asked.lanes = lanes;
        let error = refused(&asked, &original);
        assert!(
            error.contains(&format!("more than {bytes_max} bytes together")),
            "{error}"
        );
        asked.limits.archive.bytes_max = picture.len() as u64 * 10;
        assert!(asked.of(&original).is_ok());
    }
}

#[test]
fn more_entries_than_the_original_format_counts_are_processed() {
    const ENTRIES: usize = 66_000;
    let picture = bmp_of(2, 2, |_, _| [1, 2, 3]);
    let mut original = vec![];
    let mut directory = vec![];
    for number in 0..ENTRIES {
        let entry = stored(&format!("{:03}/{number}.bmp", number / 1000), &picture);
        directory.extend(entry.record(original.len()));
        original.extend(entry.local_header());
        original.extend_from_slice(&entry.data);
    }
    let (start, bytes) = (original.len() as u64, directory.len() as u64);
    original.extend(directory);
    let zip64 = original.len() as u64;
    original.extend(zip64_end(ENTRIES as u64, bytes, start, zip64));
    let mut end = end_record(0, 0, 0);
    end[8..20].fill(0xFF);
    original.extend(end);
    let done = Asked::default().of(&original).unwrap();
    assert_eq!(done.document["totals"]["succeeded"], ENTRIES);
    let names = done.names();
    assert_eq!(names.len(), ENTRIES + 1);
    assert_eq!(names[65_999], "065/65999.bmp");
}

fn zip64_end(entries: u64, directory_bytes: u64, directory_start: u64, position: u64) -> Vec<u8> {
    [
        b"PK\x06\x06\x2C\0\0\0\0\0\0\0\x2D\0\x2D\0\0\0\0\0\0\0\0\0",
        &entries.to_le_bytes()[..],
        &entries.to_le_bytes(),
        &directory_bytes.to_le_bytes(),
        &directory_start.to_le_bytes(),
        b"PK\x06\x07\0\0\0\0",
        &position.to_le_bytes(),
        b"\x01\0\0\0",
    ]
    .concat()
}

/// An archive with an entry of 5 GiB that takes no space: nothing is written where its data are.
fn sparse(tail: &Entry) -> (Arc<File>, u64) {
    const LARGE: u64 = 5 << 30;
    let field = |numbers: &[u64]| {
        let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [
            &[1, 0],
            &u16::try_from(data.len()).unwrap().to_le_bytes()[..],
            &data,
        ]
        .concat()
    };
    let large = Entry {
        sizes: [u32::MAX; 2],
        extra: field(&[LARGE, LARGE]),
        ..stored("zeros.bin", b"")
    };
    let header = large.local_header();
    let tail_start = header.len() as u64 + LARGE;
    let tail_header = [tail.local_header(), tail.data.clone()].concat();
    let far = Entry {
        extra: field(&[tail_start]),
        offset: Some(u32::MAX),
        ..tail.clone()
    };
    let directory = [large.record(0), far.record(0)].concat();
    let directory_start = tail_start + tail_header.len() as u64;
    let zip64_start = directory_start + directory.len() as u64;
    let mut end = end_record(2, directory.len(), 0);
    end[16..20].fill(0xFF);
    let end = [
        directory.clone(),
        zip64_end(2, directory.len() as u64, directory_start, zip64_start),
        end,
    ]
    .concat();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&header).unwrap();
    file.write_all_at(&tail_header, tail_start).unwrap();
    file.write_all_at(&end, directory_start).unwrap();
    let bytes = directory_start + end.len() as u64;
    (Arc::new(file), bytes)
}

#[test]
fn entries_beyond_four_gibibytes_are_processed_and_what_is_no_picture_is_not_unpacked() {
    let (file, bytes) = sparse(&stored("far.bmp", &bmp([1, 2, 3])));
    let mut asked = Asked::default();
    asked.options.other_entries = OtherEntries::Omit;
    let files = files_with(file);
    let report = fuzzing::archive(&asked.task(bytes), &files, &known(), 2, |_| ()).unwrap();
    let done = Done::new(report, &files);
    assert_eq!(done.statuses(), ["omitted", "succeeded"]);
    assert_eq!(done.names(), ["far.bmp", "report.json"]);
}

#[test]
fn many_large_pictures_go_through_one_after_the_other() {
    // 60 MB of pictures, about as many as may wait to be written.
    let picture = bmp_of(500, 500, |x, y| [x as u8, y as u8, (x * y) as u8]);
    let entries: Vec<Entry> = (0..80)
        .map(|number| stored(&format!("{number}.bmp"), &picture))
        .collect();
    let mut asked = Asked {
        lanes: 3,
        ..Asked::default()
    };
    asked.limits.archive.bytes_max = 80 * picture.len() as u64;
    let done = asked.of(&archive(&entries)).unwrap();
    assert_eq!(done.contents().len(), 81);
}
