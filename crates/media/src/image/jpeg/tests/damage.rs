//! Files that break the rules.

use super::encoder::{Kind, encode};
use super::*;

const YCC_420: [(usize, usize); 3] = [(2, 2), (1, 1), (1, 1)];

#[test]
fn arithmetic_coding_that_is_cut_off_or_wrong_is_refused() {
    let kind = Kind {
        arithmetic: true,
        ..Kind::new((201, 155), ColorSpace::YCbCr, &YCC_420)
    };
    let bytes = encode(&kind, &texture);
    let refused = |bytes: &[u8]| {
        let outcome = run(bytes, &mut Told::default(), &task(bytes, MaskStyle::Blur));
        outcome.map(|_| "accepted").unwrap_err()
    };
    let cut = refused(&bytes[..bytes.len() * 2 / 3]);
    assert!(matches!(cut, PictureError::Truncated), "{cut}");
    let noise: Vec<u8> = (0..9000u32).map(|i| (i * i * 31 % 251) as u8).collect();
    let wrong = [&bytes[..bytes.len() / 2], &noise, b"\xFF\xD9"].concat();
    let wrong = refused(&wrong).to_string();
    assert!(wrong.contains("makes no sense"), "{wrong}");
}

/// A picture of 16 blocks whose scan is replaced: each block has the given bits.
fn with_blocks(tables: &[u8], bits: &str) -> Vec<u8> {
    let kind = Kind::new((32, 32), ColorSpace::Gray, &[(1, 1)]);
    let bytes = encode(&kind, &texture);
    let end = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let bits = bits.repeat(16) + "1111111";
    let mut data: Vec<u8> = vec![];
    for byte in bits.as_bytes().chunks_exact(8) {
        let byte = byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
        data.push(byte);
        if byte == 0xFF {
            data.push(0);
        }
    }
    let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
    [&bytes[..end], tables, &scan, &data, b"\xFF\xD9"].concat()
}

#[test]
fn means_and_differences_that_no_picture_has_are_damage() {
    let codes = |class: u8, symbol: u8| {
        let head = [0xFF, 0xC4, 0, 20, class, 1];
        [&head[..], &[0; 15], &[symbol]].concat()
    };
    // Tables whose only symbols are a difference of 12 bits and the end of a block, both with the code 0.
    let own = [codes(0, 12), codes(0x10, 0)].concat();
    // In the tables of the standard: a difference of 11 bits, and the end of a block. The means add up.
    let largest = "11111111011111111111".to_owned() + "1010";
    let process = |file: &[u8], detections: &[Detection]| {
        let mut finder = Told {
            detections: detections.to_vec(),
            ..Told::default()
        };
        run(file, &mut finder, &task(file, styles()[2])).map(|(_, output)| output)
    };
    let file = with_blocks(&own, "01111111111110");
    let error = process(&file, &[]).unwrap_err();
    assert!(error.to_string().contains("makes no sense"), "{error}");
    // As long as the differences stay they can be written; behind a mask there is one that is too large.
    let file = with_blocks(&[], &largest);
    let output = process(&file, &[]).unwrap();
    assert!(reader::read(&output).planes == reader::read(&file).planes);
    let error = process(&file, &[plate([0, 0, 16, 32])])
        .map(|_| "written")
        .unwrap_err();
    assert!(error.to_string().contains("makes no sense"), "{error}");
}
