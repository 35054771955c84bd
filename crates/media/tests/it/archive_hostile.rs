//! Archives that are broken, lie, or mean harm: an entry fails alone where that is possible, and nothing crashes.

use sfumato_core::FailureClass;
use sfumato_media::fuzzing;
use sfumato_media_client::limits::ArchiveLimits;

use crate::archive_support::*;

pub(crate) fn picture() -> Vec<u8> {
    bmp([1, 2, 3])
}

/// The entry fails for this reason, and a good one behind it does not.
fn assert_entry_refused(what: &str, entry: Entry, words: &str) {
    let done = Asked::default()
        .of(&archive(&[entry, stored("good.bmp", &bmp([9, 9, 9]))]))
        .unwrap_or_else(|failure| panic!("{what}: {}", failure.message));
    assert_eq!(
        done.statuses(),
        ["failed", "succeeded"],
        "{what}: {}",
        done.error(0)
    );
    assert!(
        done.error(0).contains(words),
        "{what}: `{}` does not say `{words}`",
        done.error(0)
    );
    assert_eq!(done.names(), ["good.bmp", "report.json"], "{what}");
}

/// The archive fails for this reason.
pub(crate) fn assert_refused(what: &str, bytes: &[u8], words: &str) {
    let error = Asked::default().failed(bytes);
    assert_eq!(error.class(), FailureClass::Input, "{what}: {error}");
    assert!(
        error.to_string().contains(words),
        "{what}: `{error}` does not say `{words}`"
    );
}

pub(crate) fn named(name: &[u8]) -> Entry {
    Entry {
        name: name.to_vec(),
        ..stored("x", &picture())
    }
}

#[test]
fn hostile_names_are_refused() {
    let deep = "a/".repeat(40) + "b.bmp";
    let long = "a".repeat(300);
    let cases: [(&[u8], &str); 17] = [
        (b"", "no name"),
        (b"/etc/passwd", "absolute path"),
        (b"\\\\server\\share\\a.bmp", "absolute path"),
        (b"C:\\Windows\\a.bmp", "absolute path"),
        (b"c:a.bmp", "absolute path"),
        (b"../a.bmp", "`..`"),
        (b"a/../../b.bmp", "`..`"),
        (b"a\\..\\..\\b.bmp", "`..`"),
        (b"..", "`..`"),
        (b"a/.. /b.bmp", "`..`"),
        (b"a/.../b.bmp", "`..`"),
        (b"a.bmp\0.txt", "control characters"),
        (b"a\nb.bmp", "control characters"),
        (b"\x1B[2Ja.bmp", "control characters"),
        (b".", "no name"),
        (deep.as_bytes(), "32 folders deep"),
        (long.as_bytes(), "longer than"),
    ];
    for (name, words) in cases {
        assert_entry_refused(&String::from_utf8_lossy(name), named(name), words);
    }
    let mut broken = named(b"a\xFF.bmp");
    broken.flags = UTF8;
    assert_entry_refused("no UTF-8", broken, "not valid UTF-8");
}

#[test]
fn a_hostile_name_in_an_extra_field_is_judged_too() {
    let unicode = [&[1], &crc(b"good").to_le_bytes()[..], b"../a.bmp"].concat();
    let entry = Entry {
        extra: [
            b"up",
            &u16::try_from(unicode.len()).unwrap().to_le_bytes()[..],
            &unicode,
        ]
        .concat(),
        ..named(b"good")
    };
    assert_entry_refused("unicode path", entry, "`..`");
}

#[test]
fn names_of_refused_entries_do_no_harm_in_the_report() {
    let long = [b"../".to_vec(), vec![b'\x1B'; 5000]].concat();
    let done = Asked::default()
        .of(&archive(&[named(&long), stored("good.bmp", &picture())]))
        .unwrap();
    let name = done.entry(0)["name"].as_str().unwrap();
    assert_eq!(name.chars().count(), 201);
    assert!(!name.contains('\x1B'));
}

#[test]
fn the_first_of_equal_names_wins() {
    let (first, second) = (bmp([1, 1, 1]), bmp([2, 2, 2]));
    for (a, b) in [
        ("a.bmp", "a.bmp"),
        ("a.bmp", "A.BMP"),
        ("caf\u{E9}.bmp", "cafe\u{301}.bmp"),
        ("a.bmp", "a.bmp. "),
        ("a/b.bmp", "./a//b.bmp"),
        ("a/b.bmp", "a\\b.bmp"),
    ] {
        let done = Asked::default()
            .of(&archive(&[stored(a, &first), stored(b, &second)]))
            .unwrap();
        assert_eq!(done.statuses(), ["succeeded", "failed"], "{a} and {b}");
        assert!(done.error(1).contains("same name"), "{}", done.error(1));
        let contents = done.contents();
        assert_eq!(contents.len(), 2);
        // The lowest rows, which stand first and which no mask covers.
        assert_eq!(contents[a][54..54 + 72 * 8], first[54..54 + 72 * 8]);
    }
    let done = Asked::default()
        .of(&archive(&[stored("a", &first), stored("a/b.bmp", &second)]))
        .unwrap();
    assert_eq!(done.statuses(), ["succeeded", "failed"]);
    assert!(
        done.error(1).contains("a folder and of a file"),
        "{}",
        done.error(1)
    );
}

#[test]
fn what_is_no_file_is_refused() {
    for (what, kind) in [
        ("link", 0o120_000),
        ("block device", 0o060_000),
        ("character device", 0o020_000),
        ("pipe", 0o010_000),
        ("socket", 0o140_000),
    ] {
        let entry = Entry {
            made_by: 3 << 8 | 20,
            attributes: (kind | 0o777) << 16,
            ..stored("a.bmp", &picture())
        };
        assert_entry_refused(what, entry, "links and devices");
    }
}

#[test]
fn what_cannot_be_unpacked_is_refused() {
    let entry = || stored("a.bmp", &picture());
    let flagged = |flags| Entry { flags, ..entry() };
    assert_entry_refused("encrypted", flagged(1), "without a password");
    assert_entry_refused("strong encryption", flagged(0x41), "without a password");
    assert_entry_refused("masked directory", flagged(1 << 13), "without a password");
    for (method, name) in [
        (9, "`deflate64`"),
        (12, "`bzip2`"),
        (14, "`lzma`"),
        (93, "`zstd"),
        (95, "`xz`"),
        (6, "`imploded`"),
        (1234, "`1234`"),
    ] {
        assert_entry_refused(
            name,
            Entry { method, ..entry() },
            "is not supported; use `deflate` or none",
        );
        let done = Asked::default()
            .of(&archive(&[
                Entry { method, ..entry() },
                stored("good.bmp", &picture()),
            ]))
            .unwrap();
        assert!(done.error(0).to_lowercase().contains(name), "{}", done.error(0));
    }
}

#[test]
fn directory_and_entry_have_to_agree() {
    let entry = || stored("a.bmp", &picture());
    let size = u32::try_from(picture().len()).unwrap();
    let local = |crc, packed, bytes| Entry {
        local: Some([crc, packed, bytes]),
        ..entry()
    };
    let right = crc(&picture());
    for (what, entry, words) in [
        (
            "another name",
            Entry {
                local_name: Some(b"b.bmp".to_vec()),
                ..entry()
            },
            "the name",
        ),
        (
            "a longer name",
            Entry {
                local_name: Some(b"a.bmp\0.exe".to_vec()),
                ..entry()
            },
            "the name",
        ),
        (
            "another method",
            Entry {
                local_method: Some(8),
                ..entry()
            },
            "the compression",
        ),
        (
            "encrypted on one side",
            Entry {
                local_flags: Some(1),
                ..entry()
            },
            "the encryption",
        ),
        ("another size", local(right, size, size - 1), "the size"),
        ("another packed size", local(right, size + 1, size), "the size"),
        ("another checksum", local(right ^ 1, size, size), "the checksum"),
        (
            "nothing there",
            Entry {
                offset: Some(7),
                ..entry()
            },
            "no entry where it should be",
        ),
        (
            "behind the end",
            Entry {
                offset: Some(u32::MAX - 1),
                ..entry()
            },
            "no entry where it should be",
        ),
    ] {
        assert_entry_refused(what, entry, words);
    }
}

#[test]
fn contents_have_to_be_what_the_directory_says() {
    let content = picture();
    let size = u32::try_from(content.len()).unwrap();
    let mut wrong = stored("a.bmp", &content);
    wrong.crc ^= 1;
    assert_entry_refused("wrong checksum", wrong, "checksum is wrong");
    let mut wrong = deflated("a.bmp", &content);
    wrong.crc ^= 1;
    assert_entry_refused("wrong checksum, deflated", wrong, "checksum is wrong");
    for lie in [0, 1, size - 1, size + 1, u32::MAX - 1] {
        let mut entry = deflated("a.bmp", &content);
        entry.sizes[1] = lie;
        assert_entry_refused(&format!("{lie} bytes, deflated"), entry, "size is not what");
        let mut entry = stored("a.bmp", &content);
        entry.sizes[1] = lie;
        assert_entry_refused(&format!("{lie} bytes, stored"), entry, "size is not what");
    }
    let mut padded = deflated("a.bmp", &content);
    padded.data.extend([0; 20]);
    padded.sizes[0] += 20;
    assert_entry_refused("data behind the data", padded, "size is not what");
    let mut cut = deflated("a.bmp", &content);
    cut.data.truncate(cut.data.len() / 2);
    cut.sizes[0] = u32::try_from(cut.data.len()).unwrap();
    assert_entry_refused("cut data", cut, "");
    let mut garbage = deflated("a.bmp", &content);
    garbage.data.fill(0xFF);
    assert_entry_refused("garbage", garbage, "compressed data are damaged");
    let mut reaching = stored("a.bmp", &content);
    reaching.sizes = [size + 1; 2];
    assert_entry_refused("into the next entry", reaching, "overlap");
}

#[test]
fn entries_that_share_their_data_are_unpacked_once() {
    // All records point to one entry.
    let content = picture();
    let shared: Vec<Entry> = (0..50)
        .map(|_| Entry {
            offset: Some(0),
            ..deflated("a.bmp", &content)
        })
        .collect();
    let header = shared[0].local_header();
    let directory: Vec<u8> = shared.iter().flat_map(|entry| entry.record(0)).collect();
    let start = header.len() + shared[0].data.len();
    let bytes = [
        header,
        shared[0].data.clone(),
        directory.clone(),
        end_record(50, directory.len(), start),
    ]
    .concat();
    let unpacked = fuzzing::archive_entries(&bytes, &ArchiveLimits::DEFAULT).unwrap();
    assert!(unpacked.iter().flatten().count() <= 1);
}

#[test]
fn entries_that_lie_in_each_other_are_refused() {
    // The quoted overlap: the data of each entry begin with the headers of those behind it, as stored blocks, and end with
    // the same kernel.
    let kernel = deflate(&bmp_of(300, 300, |_, _| [0, 0, 0]));
    let mut tail = kernel.clone();
    let mut headers: Vec<(Entry, usize)> = vec![];
    let mut content = bmp_of(300, 300, |_, _| [0, 0, 0]);
    for number in (0..20).rev() {
        let entry = Entry {
            data: tail.clone(),
            method: 8,
            crc: crc(&content),
            sizes: [
                u32::try_from(tail.len()).unwrap(),
                u32::try_from(content.len()).unwrap(),
            ],
            ..stored(&format!("{number:02}.bmp"), b"")
        };
        let header = entry.local_header();
        let length = u16::try_from(header.len()).unwrap();
        headers.push((entry, tail.len() + header.len()));
        // A stored block with the header, in front of what follows (RFC 1951, 3.2.4).
        let quoted = [
            &[0][..],
            &length.to_le_bytes(),
            &(!length).to_le_bytes(),
            &header,
            &tail,
        ]
        .concat();
        content = [header, content].concat();
        tail = quoted;
    }
    // Without the quote in front of the first header.
    let body = tail[5..].to_vec();
    let directory: Vec<u8> = headers
        .iter()
        .rev()
        .flat_map(|(entry, from_end)| entry.record(body.len() - from_end))
        .collect();
    let end = end_record(20, directory.len(), body.len());
    let bytes = [body, directory, end].concat();
    let unpacked = fuzzing::archive_entries(&bytes, &ArchiveLimits::DEFAULT).unwrap();
    let whole: Vec<_> = unpacked.iter().flatten().collect();
    assert_eq!(whole.len(), 1, "{unpacked:?}");
    let refused = unpacked.iter().filter_map(|entry| entry.as_ref().err());
    assert!(refused.clone().all(|error| error.to_string().contains("overlap")));
    assert_eq!(refused.count(), 19);
}

#[test]
fn archives_in_archives_are_refused() {
    let inner = archive(&[stored("a.bmp", &picture())]);
    assert_entry_refused(
        "nested",
        stored("inner.zip", &inner),
        "archives inside of archives",
    );
    assert_entry_refused(
        "nested under another name",
        stored("a.bmp", &inner),
        "archives inside of archives",
    );
    assert_entry_refused(
        "nested, empty",
        stored("a", &archive(&[])),
        "archives inside of archives",
    );
}
