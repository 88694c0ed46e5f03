//! Tests of `auth`.

use actix_web::http::header::HeaderName;

use super::*;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn code(given: &[u8]) -> Result<Uuid, ErrorCode> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(API_KEY), HeaderValue::from_bytes(given).unwrap());
    read_key(&headers).map_err(|error| error.code)
}

#[test]
fn a_key_is_a_uuid() {
    assert_eq!(code(KEY.as_bytes()), Ok(KEY.parse().unwrap()));
    assert_eq!(code(KEY.to_uppercase().as_bytes()), Ok(KEY.parse().unwrap()));
    let malformed: [&[u8]; 5] =
        [b"", b"invalid-key-123", &KEY.as_bytes()[1..], b"6fa459eaee8a4ca4894edb77e160355e", b"\xff"];
    for given in malformed {
        assert_eq!(code(given), Err(ErrorCode::ApiKeyMalformed), "{given:?}");
    }
    assert_eq!(read_key(&HeaderMap::new()).unwrap_err().code, ErrorCode::ApiKeyRequired);
}

#[test]
fn contains_only_its_own_keys() {
    let other = Uuid::from_u128(7);
    let keys = ApiKeys::new([other, KEY.parse().unwrap()]);
    assert!(keys.contains(KEY.parse().unwrap()) && keys.contains(other));
    assert!(!keys.contains(Uuid::from_u128(8)) && !ApiKeys::default().contains(other));
}

#[test]
fn bearer_token_counts_only_without_a_key_header() {
    let answer = |given: &[(HeaderName, &str)]| {
        let pairs = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        read_key(&pairs.collect()).err().map(|error| error.code)
    };
    assert_eq!(answer(&[(AUTHORIZATION, &format!("Bearer {KEY}"))]), None);
    assert_eq!(answer(&[(AUTHORIZATION, &format!("bearer  {KEY}"))]), None);
    assert_eq!(answer(&[(AUTHORIZATION, "Bearer nonsense")]), Some(ErrorCode::ApiKeyMalformed));
    assert_eq!(answer(&[(AUTHORIZATION, &format!("Basic {KEY}"))]), Some(ErrorCode::ApiKeyRequired));
    assert_eq!(answer(&[(AUTHORIZATION, KEY)]), Some(ErrorCode::ApiKeyRequired));
    let key = HeaderName::from_static(API_KEY);
    assert_eq!(
        answer(&[(key, "nonsense"), (AUTHORIZATION, &format!("Bearer {KEY}"))]),
        Some(ErrorCode::ApiKeyMalformed)
    );
}

#[test]
fn masked_key_shows_four_characters_at_most() {
    assert_eq!(masked(&HeaderValue::from_static(KEY)), "6fa4…");
    assert_eq!(masked(&HeaderValue::from_static("secret")), "…");
    assert_eq!(masked(&HeaderValue::from_bytes(b"\xffab and much more").unwrap()), "\u{fffd}ab …");
    assert!(!format!("{:?}", ApiKeys::new([KEY.parse().unwrap()])).contains("6fa4"));
}
