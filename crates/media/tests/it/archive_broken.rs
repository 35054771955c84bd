//! What is no whole archive, or was one once.

use proptest::prelude::*;
use sfumato_core::FailureClass;
use sfumato_media::archive::ArchiveError;
use sfumato_media::fuzzing;
use sfumato_media_client::limits::ArchiveLimits;

use crate::archive_hostile::{assert_refused, named, picture};
use crate::archive_support::*;

#[test]
fn what_is_no_archive_is_refused() {
    let good = archive(&[stored("a.bmp", &picture())]);
    let with_end = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = good.clone();
        let end = bytes.len() - 22;
        change(&mut bytes[end..]);
        bytes
    };
    assert_refused("empty", b"", "the file is empty");
    assert_refused("a picture", &picture(), "other data in front of it");
    assert_refused(
        "self-extracting",
        &[b"MZ program".to_vec(), good.clone()].concat(),
        "in front of it",
    );
    let other = archive(&[stored("other.txt", b"text")]);
    assert_refused("two archives", &[other, good.clone()].concat(), "in front of it");
    assert_refused(
        "no directory",
        &good[..good.len() - 30],
        "its directory is missing",
    );
    assert_refused("only a signature", b"PK\x03\x04", "directory");
    assert_refused("half an end", &good[..good.len() - 5], "directory");
    assert_refused(
        "another disk",
        &with_end(&|end| end[4] = 1),
        "one part of several",
    );
    assert_refused(
        "directory on another disk",
        &with_end(&|end| end[6] = 2),
        "one part of several",
    );
    assert_refused(
        "more entries",
        &with_end(&|end| end[10] = 2),
        "not as many entries",
    );
    assert_refused("no entries", &with_end(&|end| end[10] = 0), "not as many entries");
    assert_refused(
        "60,000 entries",
        &with_end(&|end| end[10..12].fill(0xE0)),
        "not as many entries",
    );
    assert_refused(
        "directory behind the end",
        &with_end(&|end| end[16..20].fill(0x7F)),
        "directory",
    );
    assert_refused(
        "directory in the middle of an entry",
        &with_end(&|end| end[16..20].copy_from_slice(&[9, 0, 0, 0])),
        "",
    );
    let mut broken = good.clone();
    let record = good.len() - 22 - 51;
    broken[record] = b'X';
    assert_refused("a record that is none", &broken, "directory cannot be read");
    let mut long = good.clone();
    long[record + 28] = 0xFF;
    assert_refused(
        "a name that reaches out of the directory",
        &long,
        "directory cannot be read",
    );
}

#[test]
fn absurd_numbers_of_entries_are_refused_without_counting() {
    let mut bytes = archive(&[stored("a.bmp", &picture())]);
    let end = bytes.split_off(bytes.len() - 22);
    let (start, directory_bytes) = (bytes.len() - 51, 51_u64);
    let zip64 = [
        b"PK\x06\x06\x2C\0\0\0\0\0\0\0\x2D\0\x2D\0\0\0\0\0\0\0\0\0",
        &(1_u64 << 60).to_le_bytes()[..],
        &(1_u64 << 60).to_le_bytes(),
        &directory_bytes.to_le_bytes(),
        &(start as u64).to_le_bytes(),
        b"PK\x06\x07\0\0\0\0",
        &(bytes.len() as u64).to_le_bytes(),
        b"\x01\0\0\0",
    ]
    .concat();
    let mut absurd = [bytes, zip64, end].concat();
    let end = absurd.len() - 22;
    absurd[end + 8..end + 20].fill(0xFF);
    assert!(matches!(
        Asked::default().failed(&absurd),
        ArchiveError::TooManyEntries { entries_max: 100_000 }
    ));
}

#[test]
fn names_that_are_too_long_together_are_refused() {
    let mut bytes = stored("a.bmp", &picture()).local_header();
    bytes.extend(picture());
    let start = bytes.len();
    let record = named(&vec![b'a'; 65_000]).record(0);
    let count = 600;
    for _ in 0..count {
        bytes.extend_from_slice(&record);
    }
    bytes.extend(end_record(count, record.len() * count, start));
    assert_refused("39 MB of names", &bytes, "33554432 bytes together");
}

#[test]
fn a_comment_that_looks_like_an_end_leads_nowhere() {
    let good = archive(&[stored("a.bmp", &picture())]);
    let fake = end_record(0, 0, 0);
    let mut bytes = good.clone();
    let length = bytes.len();
    bytes[length - 2] = u8::try_from(fake.len()).unwrap();
    bytes.extend(fake);
    let error = Asked::default().failed(&bytes);
    assert_eq!(error.class(), FailureClass::Input, "{error}");
}

fn small() -> Vec<u8> {
    archive(&[
        stored("a.bmp", &picture()),
        deflated("folder/b.bmp", &picture()),
        stored("folder/", b""),
        stored("c.txt", b"text"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_archive_that_was_cut_anywhere_is_refused_or_read(length in 0_usize..10_000) {
        let whole = small();
        let bytes = &whole[..length % whole.len()];
        let outcome = fuzzing::archive_entries(bytes, &ArchiveLimits::DEFAULT);
        prop_assert!(outcome.is_err());
    }

    #[test]
    fn changed_bytes_do_no_harm(changes in prop::collection::vec((0_usize..100_000, any::<u8>()), 1..6)) {
        let mut bytes = small();
        let length = bytes.len();
        for (position, value) in changes {
            bytes[position % length] = value;
        }
        if let Ok(entries) = fuzzing::archive_entries(&bytes, &ArchiveLimits::DEFAULT) {
            prop_assert!(entries.len() <= 4);
        }
    }

    #[test]
    fn any_bytes_behind_a_signature_do_no_harm(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [b"PK\x03\x04".to_vec(), tail.clone(), b"PK\x05\x06".to_vec(), tail].concat();
        let _any_outcome = fuzzing::archive_entries(&bytes, &ArchiveLimits::DEFAULT);
    }
}
