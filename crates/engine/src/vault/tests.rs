use std::sync::Mutex;

use sfumato_core::Rotating;
use sfumato_testkit::{SimClock, SimEntropy, build};

use super::*;

fn ring(bytes: &[u8]) -> KeyRing {
    let digits: Vec<String> = bytes
        .iter()
        .map(|byte| format!("{byte:02x}").repeat(32))
        .collect();
    KeyRing::parse(&digits.join("\n")).unwrap()
}

/// An endpoint whose credentials the vault has sealed, and these.
fn sealed_endpoint(vault: &Vault, entropy: &SimEntropy) -> (Endpoint, Credentials) {
    let clock = SimClock::default();
    let client = build::client(&clock, entropy);
    let mut endpoint = build::endpoint(client.id, &clock, entropy);
    let credentials = Credentials {
        token: Rotating::from(WebhookToken::generate(entropy)),
        signing_secret: Rotating::from(SigningSecret::generate(entropy)),
    };
    endpoint.token = vault
        .seal_token(endpoint.id, &credentials.token.current, entropy)
        .into();
    endpoint.signing_secret = vault
        .seal_signing_secret(endpoint.id, &credentials.signing_secret.current, entropy)
        .into();
    (endpoint, credentials)
}

#[test]
fn what_is_sealed_opens_again_and_does_not_show_itself() {
    let entropy = SimEntropy::new(3);
    let vault = Vault::new(ring(&[1]));
    let (endpoint, credentials) = sealed_endpoint(&vault, &entropy);
    assert_eq!(vault.credentials(&endpoint), Ok(credentials.clone()));
    let token = credentials.token.current.expose();
    let stored = endpoint.token.current.as_bytes();
    assert!(!stored.windows(token.len()).any(|bytes| bytes == token.as_bytes()));
    let again = vault.seal_token(endpoint.id, &credentials.token.current, &entropy);
    assert_ne!(again, endpoint.token.current, "each with a nonce of its own");
}

#[test]
fn a_secret_does_not_open_in_another_row_or_column() {
    let entropy = SimEntropy::new(4);
    let vault = Vault::new(ring(&[1]));
    let (one, _) = sealed_endpoint(&vault, &entropy);
    let (mut two, _) = sealed_endpoint(&vault, &entropy);
    two.token = one.token.clone();
    let damaged = |endpoint: &Endpoint, column| {
        let place = Place {
            endpoint: endpoint.id,
            column,
        };
        Err(VaultError::Damaged { place })
    };
    assert_eq!(vault.credentials(&two), damaged(&two, "token"));
    let mut swapped = one.clone();
    let bytes = one.signing_secret.current.as_bytes().to_vec();
    swapped.token = Sealed::from_stored(bytes).unwrap().into();
    assert_eq!(vault.credentials(&swapped), damaged(&one, "token"));
    let mut changed = one.clone();
    let mut bytes = one.signing_secret.current.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    changed.signing_secret = Sealed::from_stored(bytes).unwrap().into();
    assert_eq!(vault.credentials(&changed), damaged(&one, "signing_secret"));
}

#[test]
fn every_key_opens_and_the_first_one_seals() {
    let entropy = SimEntropy::new(5);
    let old = Vault::new(ring(&[1]));
    let (endpoint, credentials) = sealed_endpoint(&old, &entropy);
    let both = Vault::new(ring(&[2, 1]));
    assert_eq!(both.credentials(&endpoint), Ok(credentials.clone()));
    let fresh = both.seal_token(endpoint.id, &credentials.token.current, &entropy);
    assert_eq!(fresh.key(), ring(&[2]).current_id());
    let only_new = Vault::new(ring(&[2]));
    let refused = only_new.credentials(&endpoint).unwrap_err();
    assert!(matches!(refused, VaultError::UnknownKey { key, .. } if key == ring(&[1]).current_id()));
}

#[test]
fn keys_that_are_added_meanwhile_are_read_when_they_are_met() {
    let entropy = SimEntropy::new(6);
    let file = Arc::new(Mutex::new(vec![1]));
    let read = file.clone();
    let server = Vault::reading(ring(&[1]), move || Some(ring(&read.lock().unwrap())));
    *file.lock().unwrap() = vec![2, 1];
    let (endpoint, credentials) = sealed_endpoint(&Vault::new(ring(&[2, 1])), &entropy);
    assert_eq!(server.credentials(&endpoint), Ok(credentials.clone()));
    *file.lock().unwrap() = vec![3, 2, 1];
    let sealed = server.seal_token(endpoint.id, &credentials.token.current, &entropy);
    assert_eq!(sealed.key(), ring(&[3]).current_id());
}
