//! Archives as they come every day.

use std::io::Cursor;

use sfumato_core::AnonymizeOptions;
use sfumato_core::options::{MetadataPolicy, OtherEntries};
use sfumato_media::fuzzing;
use sfumato_media_client::protocol::Goal;

use crate::archive_support::*;
use crate::support::*;

fn asked(options: AnonymizeOptions) -> Asked {
    Asked {
        options,
        ..Asked::default()
    }
}

/// What a picture becomes that comes alone, but for the noise of its masks.
fn is_masked(original: &[u8], result: &[u8]) -> bool {
    original.len() == result.len() && original != result
}

#[test]
fn every_picture_is_processed_under_its_name_and_in_its_order() {
    let (first, second) = (bmp([200, 10, 10]), bmp([10, 200, 10]));
    let archive = archive(&[
        stored("zebra.bmp", &first),
        deflated("Urlaub/größe 1.bmp", &second),
        stored("a.bmp", &first),
    ]);
    let done = Asked::default().of(&archive).unwrap();
    assert_eq!(
        done.names(),
        ["zebra.bmp", "Urlaub/größe 1.bmp", "a.bmp", "report.json"]
    );
    let contents = done.contents();
    assert!(is_masked(&first, &contents["zebra.bmp"]));
    assert!(is_masked(&second, &contents["Urlaub/größe 1.bmp"]));
    assert_eq!(done.report.hidden.faces, 3);
    assert!(done.report.warnings.is_empty(), "{:?}", done.report.warnings);
    assert_eq!(done.document["schema"], "sfumato.archive/1");
    assert_eq!(done.document["totals"]["succeeded"], 3);
    assert_eq!(
        done.entry(1).to_string(),
        format!(
            "{{\"bytes_in\":{0},\"bytes_out\":{0},\"faces\":1,\"format\":\"bmp\",\"kind\":\"picture\",\
             \"name\":\"Urlaub/größe 1.bmp\",\"plates\":0,\"status\":\"succeeded\"}}",
            second.len()
        )
    );
    let report: serde_json::Value = serde_json::from_slice(&contents["report.json"]).unwrap();
    assert_eq!(report, done.document);
}

#[test]
fn two_entries_with_the_same_picture_have_different_noise() {
    let picture = bmp([200, 10, 10]);
    let done = Asked::default()
        .of(&archive(&[stored("a.bmp", &picture), stored("b.bmp", &picture)]))
        .unwrap();
    let contents = done.contents();
    assert_ne!(contents["a.bmp"], contents["b.bmp"]);
}

#[test]
fn the_content_decides_and_the_name_stays() {
    let picture = bmp([1, 2, 3]);
    let done = Asked::default()
        .of(&archive(&[
            stored("holiday.jpg", &picture),
            stored("no extension", &picture),
        ]))
        .unwrap();
    assert_eq!(done.names(), ["holiday.jpg", "no extension", "report.json"]);
    assert_eq!(done.entry(0)["format"], "bmp");
}

#[test]
fn one_bad_entry_does_not_fail_the_others() {
    let picture = bmp([1, 2, 3]);
    let done = Asked::default()
        .of(&archive(&[
            stored("cut.bmp", &picture[..100]),
            stored("good.bmp", &picture),
            stored("notes.txt", b"not a picture"),
        ]))
        .unwrap();
    assert_eq!(done.statuses(), ["failed", "succeeded", "failed"]);
    assert_eq!(done.names(), ["good.bmp", "report.json"]);
    assert!(done.error(0).contains("truncated"), "{}", done.error(0));
    assert!(
        done.error(2).contains("none of the supported formats (JPEG,"),
        "{}",
        done.error(2)
    );
    assert_eq!(
        done.report.warnings,
        ["2 of 3 entries could not be processed and are not in the result: see `report.json` in the result"]
    );
}

#[test]
fn other_entries_are_left_out_where_that_is_asked_for() {
    let entries = [
        stored("notes.txt", b"not a picture"),
        stored("a.bmp", &bmp([1, 2, 3])),
    ];
    let done = asked(AnonymizeOptions {
        other_entries: OtherEntries::Omit,
        ..AnonymizeOptions::default()
    })
    .of(&archive(&entries))
    .unwrap();
    assert_eq!(done.statuses(), ["omitted", "succeeded"]);
    assert_eq!(done.entry(0).as_object().unwrap().len(), 2);
    assert_eq!(
        done.report.warnings,
        ["1 of 2 entries were left out: see `report.json` in the result"]
    );
}

#[test]
fn what_file_managers_leave_behind_is_no_error() {
    let done = Asked::default()
        .of(&archive(&[
            stored("photos/", b""),
            stored("photos/a.bmp", &bmp([1, 2, 3])),
            stored("__MACOSX/photos/._a.bmp", b"\0\x05\x16\x07\0\x02\0\0Mac OS X"),
            stored("photos/.DS_Store", b"\0\0\0\x01Bud1"),
            stored("photos/Thumbs.db", b"\xD0\xCF\x11\xE0"),
        ]))
        .unwrap();
    assert_eq!(done.statuses(), ["succeeded", "omitted", "omitted", "omitted"]);
    assert_eq!(done.document["totals"]["folders"], 1);
    assert_eq!(done.names(), ["photos/a.bmp", "report.json"]);
}

#[test]
fn detections_are_in_the_report_where_they_are_asked_for() {
    let original = archive(&[stored("a.bmp", &bmp([1, 2, 3])), stored("b", b"text")]);
    let done = asked(AnonymizeOptions {
        detections_document: true,
        ..AnonymizeOptions::default()
    })
    .of(&original)
    .unwrap();
    let document = &done.entry(0)["detections"];
    assert_eq!(document["schema"], "sfumato.detections/1");
    assert_eq!(document["detections"][0]["model"], "known");
    assert_eq!(done.entry(1).get("detections"), None);
    let without = Asked::default().of(&original).unwrap();
    assert_eq!(without.entry(0).get("detections"), None);
}

#[test]
fn finding_only_writes_the_document_and_no_result() {
    let asked = Asked {
        goal: Goal::Detect,
        ..Asked::default()
    };
    let done = asked
        .of(&archive(&[stored("a.bmp", &bmp([1, 2, 3])), stored("b", b"")]))
        .unwrap();
    assert!(done.result.is_empty());
    assert_eq!(done.entry(0)["detections"]["detections"][0]["class"], "face");
    assert_eq!(done.entry(0).get("bytes_out"), None);
    assert_eq!(
        done.report.warnings,
        ["1 of 2 entries could not be processed and are not in the result: see the detections document"]
    );
}

#[test]
fn the_result_is_the_same_with_any_number_of_lanes() {
    let mut entries = vec![];
    for number in 0..40_u8 {
        let side = 8 + u32::from(number % 7) * 30;
        let picture = bmp_of(side, side, |x, y| [number, x as u8, y as u8]);
        let name = format!("{number}.bmp");
        entries.push(match number % 4 {
            0 => deflated(&name, &picture),
            1 => stored(&name, &picture[..picture.len() - 50]),
            2 => stored(&name, b"text"),
            _ => stored(&name, &picture),
        });
    }
    let original = archive(&entries);
    let with = |lanes| {
        let asked = Asked {
            lanes,
            ..Asked::default()
        };
        asked.of(&original).unwrap()
    };
    let one = with(1);
    assert_eq!(one.document["totals"]["succeeded"], 20);
    for lanes in [2, 3, 8] {
        let several = with(lanes);
        assert!(several.result == one.result, "{lanes} lanes");
        assert_eq!(several.document, one.document);
    }
}

#[test]
fn a_report_of_the_archive_is_not_overwritten() {
    let done = Asked::default()
        .of(&archive(&[
            stored("a.bmp", &bmp([1, 2, 3])),
            stored("Report.JSON", b"{}"),
        ]))
        .unwrap();
    assert_eq!(done.names(), ["a.bmp", "report-1.json"]);
    assert!(
        done.report.warnings[1].contains("the report in the result is `report-1.json`"),
        "{:?}",
        done.report.warnings
    );
}

#[test]
fn formats_that_are_packed_already_are_stored_and_others_are_deflated() {
    let jpeg = jpeg(&astronaut(), &JpegSettings::default());
    let picture = bmp_of(64, 64, |_, _| [9, 9, 9]);
    let done = Asked::default()
        .of(&archive(&[deflated("a.jpg", &jpeg), stored("b.bmp", &picture)]))
        .unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(&done.result)).unwrap();
    let mut packed = |index| {
        let entry = archive.by_index(index).unwrap();
        (entry.compression(), entry.compressed_size() < entry.size())
    };
    assert_eq!(packed(0), (zip::CompressionMethod::Stored, false));
    assert_eq!(packed(1), (zip::CompressionMethod::Deflated, true));
    assert_eq!(packed(2), (zip::CompressionMethod::Deflated, true));
}

#[test]
fn nothing_of_an_entry_survives_but_its_name() {
    let secret = b"UX\x09\0OWNER-501";
    let entry = Entry {
        extra: secret.to_vec(),
        comment: b"taken by OWNER-502".to_vec(),
        made_by: 3 << 8 | 20,
        attributes: 0o100_640 << 16,
        ..stored("a.bmp", &bmp([1, 2, 3]))
    };
    let original = archive(&[entry]);
    let time = |done: &Done| {
        let mut archive = zip::ZipArchive::new(Cursor::new(&done.result)).unwrap();
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.unix_mode(), None);
        entry.last_modified().unwrap().to_string()
    };
    let done = Asked::default().of(&original).unwrap();
    assert!(!holds(&done.result, "OWNER"));
    assert_eq!(time(&done), "1980-01-01 00:00:00");
    let kept = asked(AnonymizeOptions {
        metadata: MetadataPolicy::Keep,
        ..AnonymizeOptions::default()
    })
    .of(&original)
    .unwrap();
    assert!(!holds(&kept.result, "OWNER"));
    assert_eq!(time(&kept), "2024-01-01 12:41:02");
}

#[test]
fn what_another_program_has_written_is_read() {
    use std::io::Write;
    use zip::write::SimpleFileOptions;
    let mut writer = zip::ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.add_directory("photos", options).unwrap();
    for name in ["photos/a.bmp", "photos/b.bmp"] {
        writer.start_file(name, options.large_file(true)).unwrap();
        writer.write_all(&bmp([1, 2, 3])).unwrap();
    }
    writer.set_comment("made by another program").unwrap();
    let done = Asked::default()
        .of(&writer.finish().unwrap().into_inner())
        .unwrap();
    assert_eq!(done.names(), ["photos/a.bmp", "photos/b.bmp", "report.json"]);
    assert!(!holds(&done.result, "another program"));
}

#[test]
fn a_result_goes_through_a_second_time() {
    let first = Asked::default()
        .of(&archive(&[stored("a.bmp", &bmp([1, 2, 3]))]))
        .unwrap();
    let second = Asked::default().of(&first.result).unwrap();
    assert_eq!(second.names(), ["a.bmp", "report-1.json"]);
}

#[test]
fn names_in_old_encodings_become_utf8() {
    let mut old = stored("x", &bmp([1, 2, 3]));
    old.name = b"gr\x94\xE1e.bmp".to_vec();
    let mut unflagged = stored("größe2.bmp", &bmp([1, 2, 3]));
    unflagged.flags = 0;
    let mut twice = stored("x", &bmp([1, 2, 3]));
    twice.name = b"??.bmp".to_vec();
    let unicode = [&[1], &crc(b"??.bmp").to_le_bytes()[..], "写真.bmp".as_bytes()].concat();
    twice.extra = [
        b"up",
        &u16::try_from(unicode.len()).unwrap().to_le_bytes()[..],
        &unicode,
    ]
    .concat();
    let done = Asked::default().of(&archive(&[old, unflagged, twice])).unwrap();
    assert_eq!(
        done.names(),
        ["größe.bmp", "größe2.bmp", "写真.bmp", "report.json"]
    );
}

#[test]
fn sizes_that_stand_behind_the_data_are_accepted() {
    let picture = bmp([1, 2, 3]);
    let mut streamed = deflated("a.bmp", &picture);
    streamed.flags = DESCRIPTOR;
    streamed.local = Some([0; 3]);
    streamed.descriptor = [
        b"PK\x07\x08",
        &streamed.crc.to_le_bytes()[..],
        &streamed.sizes[0].to_le_bytes(),
        &streamed.sizes[1].to_le_bytes(),
    ]
    .concat();
    let done = Asked::default()
        .of(&archive(&[streamed, stored("b.bmp", &picture)]))
        .unwrap();
    assert_eq!(done.statuses(), ["succeeded", "succeeded"]);
}

#[test]
fn an_archive_without_pictures_fails_and_says_so() {
    for entries in [
        vec![],
        vec![stored("notes.txt", b"text")],
        vec![stored("folder/", b"")],
        vec![stored("inner.zip", &archive(&[stored("a.bmp", &bmp([1, 2, 3]))]))],
    ] {
        let error = Asked::default().failed(&archive(&entries)).to_string();
        assert!(error.contains("holds no picture and no video"), "{error}");
    }
}

#[test]
fn an_archive_of_which_nothing_comes_fails_with_the_first_reasons() {
    let cut = &bmp([1, 2, 3])[..100];
    let entries: Vec<Entry> = (0..9)
        .map(|number| stored(&format!("{number}.bmp"), cut))
        .collect();
    let error = Asked::default().failed(&archive(&entries)).to_string();
    assert!(
        error.starts_with("none of the 9 entries of the archive could be processed: `0.bmp`: "),
        "{error}"
    );
    assert!(
        error.contains("`2.bmp`: ") && !error.contains("`3.bmp`"),
        "{error}"
    );
}

#[test]
fn entries_are_named_without_files() {
    let original = archive(&[
        stored("a/b.txt", b"text"),
        stored("../c", b"x"),
        deflated("d", &[7; 1000]),
    ]);
    let unpacked = fuzzing::archive_entries(&original, &Asked::default().limits.archive).unwrap();
    let names: Vec<_> = unpacked.iter().flatten().cloned().collect();
    assert_eq!(names, [("a/b.txt".to_owned(), 4), ("d".to_owned(), 1000)]);
    assert!(unpacked[1].is_err());
}
