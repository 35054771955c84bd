//! What is sealed is read back in any range, and nothing else is.

use proptest::prelude::*;

use super::*;

struct Counting;

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        use std::sync::atomic::{AtomicU8, Ordering};
        static NEXT: AtomicU8 = AtomicU8::new(0);
        bytes.fill_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    }
}

const PATH: &str = "uploads/1";

fn keys(digits: &str) -> KeyRing {
    KeyRing::parse(&digits.repeat(32)).unwrap()
}

fn sealed(content: &[u8], step: usize) -> BytesMut {
    let mut sealer = Sealer::new(&keys("01"), &Counting, PATH);
    let mut sealed = BytesMut::new();
    for piece in content.chunks(step) {
        sealer.push(piece, &mut sealed);
    }
    sealer.finish(&mut sealed);
    sealed
}

/// Everything from chunk `first` on.
fn opened(sealed: &[u8], path: &str, first: u64) -> Result<Vec<u8>, SealError> {
    let opener = Opener::new(sealed, Some(&keys("01")), path, sealed.len() as u64)?;
    let mut content = vec![];
    let mut number = first;
    let mut at = usize::try_from(chunk_of(content_before(first)).0).unwrap();
    while let Some(bytes) = opener.sealed_chunk(number) {
        let chunk = sealed.get(at..at + bytes).ok_or(SealError::Truncated)?;
        content.extend_from_slice(&opener.open(number, chunk.into())?);
        at += bytes;
        number += 1;
    }
    Ok(content)
}

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

/// Sizes around the edges of chunks.
fn sizes() -> impl Strategy<Value = usize> {
    let edges = (0..4usize, -2..=2isize);
    prop_oneof![
        edges.prop_map(|(chunks, off)| (chunks * CHUNK).saturating_add_signed(off)),
        0..3 * CHUNK,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_is_read_back_from_any_chunk(bytes in sizes(), step in 1..3 * CHUNK, first in 0..4u64) {
        let content = content(bytes);
        let sealed = sealed(&content, step);
        let opener = Opener::new(&sealed, Some(&keys("01")), PATH, sealed.len() as u64).unwrap();
        prop_assert_eq!(opener.bytes(), bytes as u64);
        prop_assert_eq!(sealed.len() as u64 <= sealed_end(bytes as u64), true);
        let from = usize::try_from(content_before(first)).unwrap().min(bytes);
        prop_assert_eq!(&opened(&sealed, PATH, first).unwrap(), &content[from..]);
        let plain = bytes > 64 && sealed.windows(32).any(|part| content.starts_with(part));
        prop_assert!(!plain);
    }

    #[test]
    fn a_bit_that_is_flipped_anywhere_is_noticed(bytes in sizes(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut sealed = sealed(&content(bytes), CHUNK);
        // A changed magic number makes it another file, which the readers of the formats refuse.
        let at = MAGIC.len() + at.index(sealed.len() - MAGIC.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(opened(&sealed, PATH, 0).is_err());
    }

    #[test]
    fn an_end_that_is_missing_is_noticed(bytes in sizes(), kept in any::<prop::sample::Index>()) {
        let sealed = sealed(&content(bytes), CHUNK);
        let kept = kept.index(sealed.len());
        prop_assert!(opened(&sealed[..kept], PATH, 0).is_err());
    }

    #[test]
    fn an_end_at_the_edge_of_a_chunk_is_noticed(bytes in CHUNK + 1..4 * CHUNK, chunks in 1..4usize) {
        let sealed = sealed(&content(bytes), CHUNK);
        let kept = HEADER + chunks * (CHUNK + TAG);
        prop_assume!(kept < sealed.len());
        prop_assert_eq!(opened(&sealed[..kept], PATH, 0), Err(SealError::Damaged));
    }

    #[test]
    fn chunks_that_change_places_are_noticed(a in 0..3usize, b in 0..3usize) {
        prop_assume!(a != b);
        let mut sealed = sealed(&content(3 * CHUNK), CHUNK);
        let chunk = |number: usize| HEADER + number * (CHUNK + TAG)..HEADER + (number + 1) * (CHUNK + TAG);
        let (first, second) = (sealed[chunk(a)].to_vec(), sealed[chunk(b)].to_vec());
        sealed[chunk(a)].copy_from_slice(&second);
        sealed[chunk(b)].copy_from_slice(&first);
        prop_assert_eq!(opened(&sealed, PATH, 0), Err(SealError::Damaged));
    }
}

#[test]
fn a_blob_is_read_under_its_own_name_and_key_only() {
    let sealed = sealed(b"a face", 6);
    assert_eq!(opened(&sealed, PATH, 0).unwrap(), b"a face");
    assert_eq!(opened(&sealed, "uploads/2", 0), Err(SealError::Damaged));
    let bytes = sealed.len() as u64;
    let id = keys("01").current_id();
    for others in [None, Some(&keys("02"))] {
        let refused = Opener::new(&sealed, others, PATH, bytes).err();
        assert_eq!(refused, Some(SealError::UnknownKey { id }));
    }
    let both = KeyRing::parse(&format!("{}\n{}", "02".repeat(32), "01".repeat(32))).unwrap();
    assert!(Opener::new(&sealed, Some(&both), PATH, bytes).is_ok());
}

#[test]
fn what_is_added_behind_the_last_chunk_is_noticed() {
    let mut longer = sealed(&content(CHUNK), CHUNK);
    longer.extend_from_slice(&sealed(&content(CHUNK), CHUNK)[HEADER..]);
    assert_eq!(opened(&longer, PATH, 0), Err(SealError::Damaged));
}
