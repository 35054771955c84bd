use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether the request is from the server: `header` gives a value by its name, `body` is what came, `now` is in seconds
/// since 1970.
pub fn verify<'a>(header: impl Fn(&str) -> Option<&'a str>, body: &[u8], secret: &str, now: i64) -> bool {
    let (Some(id), Some(at), Some(signatures)) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    ) else {
        return false;
    };
    if at.parse().map_or(true, |at: i64| now.abs_diff(at) > 300) {
        return false;
    }
    let Ok(key) = STANDARD.decode(secret.trim_start_matches("whsec_")) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return false;
    };
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}
