//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that makes a job may be sent again, and makes one.
//!
//! Which request a key stands for is in the database, written with the job. In memory is only which keys are being received
//! right now by this process, so that a client that sends the same twice at once learns it before both have been received.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use sfumato_core::ClientId;
use sfumato_core::idempotency::IdempotencyKey;

use crate::ApiState;
use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// What the client calls its request, if it does.
pub(crate) struct NamedRequest(pub(crate) Option<IdempotencyKey>);

impl FromRequestParts<ApiState> for NamedRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().filter(|_| second.is_none());
        match key.unwrap_or_default().parse() {
            Ok(key) => Ok(Self(Some(key))),
            Err(error) => Err(Problem::bad_request(format!("Idempotency-Key: {error}"))),
        }
    }
}

/// Keys of requests that are being received.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashSet<(ClientId, IdempotencyKey)>>>);

/// A key's place among them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    all: InFlight,
    key: (ClientId, IdempotencyKey),
}

impl InFlight {
    /// Takes the place of a key. 409 while another request has it.
    pub(crate) fn enter(
        &self,
        client: ClientId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Place>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let key = (client, key.clone());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.insert(key.clone()) {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "a request with this Idempotency-Key is being received; try again when it has been answered",
            ));
        }
        drop(all);
        let all = self.clone();
        Ok(Some(Place { all, key }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_place_for_each_client_until_it_is_left() {
        let all = InFlight::default();
        let [client, other] = [1, 2].map(|n| ClientId::from_uuid(uuid::Uuid::from_u128(n)));
        let key: IdempotencyKey = "a".parse().unwrap();
        let place = all.enter(client, Some(&key)).unwrap();
        assert_eq!(all.enter(client, Some(&key)).unwrap_err().parts().0, 409);
        all.enter(other, Some(&key)).unwrap();
        assert!(all.enter(client, None).unwrap().is_none());
        drop(place);
        all.enter(client, Some(&key)).unwrap();
        assert!(all.0.lock().unwrap().is_empty());
    }
}
