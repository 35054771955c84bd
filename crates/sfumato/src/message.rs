//! Webhook requests that this process makes itself, exactly as a server makes them.

use std::sync::Arc;
use std::time::Duration;

use sfumato_core::endpoint::{AckPolicy, Credentials, SigningSecret, WebhookToken, WebhookUrl};
use sfumato_core::{ClientId, DeliveryId, EventStatus, JobId, PublicJobId, Timestamp};
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Addressee, Outbound, WebhookMessage};
use sfumato_engine::system::SystemClock;
use uuid::Uuid;

/// The deadline of a server's deliveries where its operator says nothing.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// The client that deliveries leave by, as a developer's server has it: it also reaches this machine.
pub(crate) fn outbound() -> Outbound {
    Outbound::new(AddressPolicy::allowing_private(), DEADLINE, Arc::new(SystemClock))
}

/// A receiver and what it shares with its sender.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: WebhookToken,
    pub(crate) secret: SigningSecret,
    pub(crate) ack: AckPolicy,
}

/// What is told.
#[derive(Clone, Debug)]
pub(crate) struct Told<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) task_id: &'a str,
    pub(crate) status: &'a str,
    pub(crate) sequence: u32,
    pub(crate) attempt: u32,
    /// The time of the signature.
    pub(crate) at: Timestamp,
    /// One more member of the body, such as a later version may add.
    pub(crate) extra: Option<(&'a str, &'a str)>,
}

impl Target {
    /// The request that tells it.
    pub(crate) fn message(&self, told: &Told<'_>) -> WebhookMessage {
        let (url, credentials) = (WebhookUrl::from_judged(self.url.clone()), self.credentials());
        let to = Addressee {
            url: &url,
            ack: self.ack,
            credentials: &credentials,
        };
        // Headers and their order are the server's; body and job are put into it.
        let nobody = PublicJobId {
            client: ClientId::from_uuid(Uuid::nil()),
            job: JobId::from_uuid(Uuid::nil()),
        };
        let (sequence, attempt) = (told.sequence, told.attempt);
        let status = EventStatus::Sent;
        let mut message = WebhookMessage::new(told.id, nobody, status, sequence, attempt, &to, told.at);
        let mut body = format!(
            "{{\"taskId\":{},\"status\":{}",
            serde_json::Value::from(told.task_id),
            serde_json::Value::from(told.status)
        );
        if let Some((name, value)) = told.extra {
            let (name, value) = (serde_json::Value::from(name), serde_json::Value::from(value));
            body.push_str(&format!(",{name}:{value}"));
        }
        body.push('}');
        message.body = body.into_bytes();
        message.task_id = told.task_id.to_owned();
        let signature = credentials.signatures(told.id, told.at, &message.body);
        for (name, value) in &mut message.headers {
            if *name == "webhook-signature" {
                *value = signature.clone();
            }
        }
        message
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            token: self.token.clone().into(),
            signing_secret: self.secret.clone().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_one_that_a_server_sends() {
        let target = Target {
            url: "http://127.0.0.1:3000/hook".into(),
            token: WebhookToken::from_clear("wis-wht_A"),
            secret: SigningSecret::from_bytes([5; 32]),
            ack: AckPolicy::Strict,
        };
        let job = PublicJobId {
            client: ClientId::from_uuid(Uuid::from_u128(1)),
            job: JobId::from_uuid(Uuid::from_u128(2)),
        };
        let (id, at) = (
            DeliveryId::from_uuid(Uuid::from_u128(3)),
            Timestamp::from_seconds(9),
        );
        let to = Addressee {
            url: &WebhookUrl::from_judged(target.url.clone()),
            ack: target.ack,
            credentials: &target.credentials(),
        };
        let servers = WebhookMessage::new(id, job, EventStatus::Failed, 3, 2, &to, at);
        let told = Told {
            id,
            task_id: &job.to_string(),
            status: "Failed",
            sequence: 3,
            attempt: 2,
            at,
            extra: None,
        };
        let own = target.message(&told);
        assert_eq!(
            (&own.url, &own.headers, &own.body, &own.task_id),
            (&servers.url, &servers.headers, &servers.body, &servers.task_id)
        );
        let extra = target.message(&Told {
            extra: Some(("more", "\"")),
            ..told
        });
        let body: serde_json::Value = serde_json::from_slice(&extra.body).unwrap();
        assert_eq!(body["more"], "\"");
    }
}
