//! Domain objects with sensible values, for tests to vary with struct update syntax.

use sfumato_core::delivery::{Attempt, Outcome, PhaseTimes};
use sfumato_core::endpoint::{AckPolicy, Endpoint, EndpointHealth, EndpointState, WebhookUrl};
use sfumato_core::job::{Job, JobResult, Upload};
use sfumato_core::store::RefreshToken;
use sfumato_core::time::random;
use sfumato_core::{
    AnonymizeOptions, AttemptId, Client, ClientId, ClientKey, ClientState, Clock, EndpointId, Entropy, JobId,
    KeyId, Login, LoginId, MediaFormat, ResultId, Sealed, Secret, SecretHash, Timestamp, UploadId,
};

/// An active client whose secret is random.
pub fn client(clock: &dyn Clock, entropy: &dyn Entropy) -> Client {
    Client {
        id: ClientId::new(clock, entropy),
        key: ClientKey::generate(entropy),
        name: "a client".into(),
        state: ClientState::Active,
        created_at: clock.now(),
        secret: secret_hash(entropy),
        previous_secret: None,
    }
}

/// The hash of a random secret.
pub fn secret_hash(entropy: &dyn Entropy) -> SecretHash {
    SecretHash::of(Secret::generate("secret_", entropy).expose())
}

/// A login of `client` that begins now.
pub fn login(client: ClientId, clock: &dyn Clock, entropy: &dyn Entropy) -> Login {
    Login {
        id: LoginId::new(clock, entropy),
        client,
        created_at: clock.now(),
        revoked_at: None,
    }
}

/// A random refresh token.
pub fn refresh_token(expires_at: Timestamp, entropy: &dyn Entropy) -> RefreshToken {
    RefreshToken {
        hash: secret_hash(entropy),
        expires_at,
    }
}

/// A queued job of `client` with a JPEG of one kilobyte and the default options.
pub fn job(client: ClientId, clock: &dyn Clock, entropy: &dyn Entropy) -> Job {
    let upload = Upload {
        id: UploadId::new(clock, entropy),
        format: MediaFormat::Jpeg,
        bytes: 1_000,
        sha256: random(entropy),
        file_name: "street.jpg".into(),
    };
    let id = JobId::new(clock, entropy);
    Job::queued(id, client, upload, AnonymizeOptions::default(), clock.now())
}

/// A result with one face and a detections document.
pub fn job_result(clock: &dyn Clock, entropy: &dyn Entropy) -> JobResult {
    JobResult {
        id: ResultId::new(clock, entropy),
        format: MediaFormat::Jpeg,
        bytes: 900,
        sha256: random(entropy),
        document: Some((120, random(entropy))),
        faces: 1,
        plates: 0,
        warnings: vec!["the picture is very small".into()],
    }
}

/// What looks like a secret that was sealed with this key: stores carry it and never open it.
pub fn sealed<T>(key: u8, entropy: &dyn Entropy) -> Sealed<T> {
    let text: [u8; 48] = random(entropy);
    Sealed::from_parts(KeyId::from_bytes([key; KeyId::BYTES]), &random(entropy), &text)
}

/// An active endpoint of `client` without a history.
pub fn endpoint(client: ClientId, clock: &dyn Clock, entropy: &dyn Entropy) -> Endpoint {
    Endpoint {
        id: EndpointId::new(clock, entropy),
        client,
        url: WebhookUrl::from_judged("https://receiver.example/hook"),
        description: None,
        ack: AckPolicy::default(),
        keep_responses: true,
        token: sealed(1, entropy).into(),
        signing_secret: sealed(1, entropy).into(),
        state: EndpointState::Active,
        health: EndpointHealth::default(),
        created_at: clock.now(),
        updated_at: clock.now(),
    }
}

/// An attempt that begins now and takes 12 ms. `number` counts from 1 within the delivery.
pub fn attempt(number: u32, outcome: Outcome, clock: &dyn Clock, entropy: &dyn Entropy) -> Attempt {
    Attempt {
        id: AttemptId::new(clock, entropy),
        number,
        started_at: clock.now(),
        duration_ms: 12,
        phases: PhaseTimes::default(),
        outcome,
        status: (outcome == Outcome::Ok).then_some(200),
        response: None,
        retry_after: None,
        ours: false,
    }
}
