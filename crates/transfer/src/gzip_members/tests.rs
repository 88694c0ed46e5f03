//! Writing and reading members.

use std::fs::File;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::{Members, Unreadable, compressed, stored};

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn members_are_read_with_their_positions_and_the_hash_of_all_bytes_before() {
    let texts: [&[u8]; 4] = [b"first\n", b"", &[b'x'; 300_000], b"last"];
    let mut all: Vec<_> = texts[..3].iter().map(|text| compressed(text).unwrap()).collect();
    all.push(stored(texts[3]).unwrap());
    let whole = all.concat();
    let mut members = Members::from(file(&whole), 0).unwrap();
    let mut at = 0;
    for (text, bytes) in texts.iter().zip(&all) {
        let member = members.next().unwrap().unwrap();
        let end = at + bytes.len() as u64;
        assert_eq!((member.text.as_slice(), member.start, member.end), (*text, at, end));
        assert_eq!(member.before.finalize(), Sha256::digest(&whole[..usize::try_from(at).unwrap()]));
        at = end;
    }
    assert!(members.next().unwrap().is_none());
    let second = u64::try_from(all[0].len() + all[1].len()).unwrap();
    let member = Members::from(file(&whole), second).unwrap().next().unwrap().unwrap();
    assert_eq!(member.text, texts[2]);
}

#[test]
fn invalid_bytes_are_distinguished_from_an_incomplete_member() {
    let whole = compressed(b"some words that are here").unwrap();
    let next = |bytes: &[u8]| Members::from(file(bytes), 0).unwrap().next();
    for end in 1..whole.len() {
        assert!(matches!(next(&whole[..end]), Err(Unreadable::CutOff)), "{end}");
    }
    let mut other = whole;
    let last = other.len() - 6;
    other[last] ^= 1;
    assert!(matches!(next(&other), Err(Unreadable::Damaged)));
    assert!(matches!(next(b"these are notes"), Err(Unreadable::Damaged)));
}

#[test]
fn a_member_that_is_too_large_is_refused() {
    // Not compressed, which would be slow in a build without optimization.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::none());
    bomb.write_all(&vec![0; 17 << 20]).unwrap();
    assert!(matches!(Members::from(file(&bomb.finish().unwrap()), 0).unwrap().next(), Err(Unreadable::Damaged)));
    assert!(stored(&[0; 65_536]).is_none());
}
