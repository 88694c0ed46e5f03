//! Tests of `auth`.

use actix_web::http::header::HeaderName;

use super::*;

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn shown(given: &[u8]) -> Result<Uuid, ErrorCode> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(API_KEY), HeaderValue::from_bytes(given).unwrap());
    presented(&headers).map_err(|error| error.code)
}

#[test]
fn a_key_is_a_uuid() {
    assert_eq!(shown(KEY.as_bytes()), Ok(KEY.parse().unwrap()));
    assert_eq!(shown(KEY.to_uppercase().as_bytes()), Ok(KEY.parse().unwrap()));
    let malformed: [&[u8]; 5] =
        [b"", b"invalid-key-123", &KEY.as_bytes()[1..], b"6fa459eaee8a4ca4894edb77e160355e", b"\xff"];
    for given in malformed {
        assert_eq!(shown(given), Err(ErrorCode::ApiKeyMalformed), "{given:?}");
    }
    assert_eq!(presented(&HeaderMap::new()).unwrap_err().code, ErrorCode::ApiKeyRequired);
}

#[test]
fn only_a_known_key_is_among_them() {
    let other = Uuid::from_u128(7);
    let keys = ApiKeys::new([other, KEY.parse().unwrap()]);
    assert!(keys.contain(KEY.parse().unwrap()) && keys.contain(other));
    assert!(!keys.contain(Uuid::from_u128(8)) && !ApiKeys::default().contain(other));
}

#[test]
fn a_bearer_token_will_do_where_there_is_no_key() {
    let answer = |given: &[(HeaderName, &str)]| {
        let pairs = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        presented(&pairs.collect()).err().map(|error| error.code)
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
fn a_key_is_never_shown_whole() {
    assert_eq!(masked(&HeaderValue::from_static(KEY)), "6fa4…");
    assert_eq!(masked(&HeaderValue::from_static("secret")), "…");
    assert_eq!(masked(&HeaderValue::from_bytes(b"\xffab and much more").unwrap()), "\u{fffd}ab …");
    assert!(!format!("{:?}", ApiKeys::new([KEY.parse().unwrap()])).contains("6fa4"));
}
