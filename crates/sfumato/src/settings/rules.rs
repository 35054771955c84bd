//! What has to hold of settings beyond what their values can say.

use std::time::Duration;

use sfumato_engine::blobs::PART_BYTES_MIN;

use super::options::Settings;
use super::storage::HttpEndpoint;

/// S3 takes no larger part than 5 GiB; what is gathered in memory should be far less.
const PART_BYTES_MAX: u64 = 1 << 30;

/// The most that S3 signs an address for.
const REDIRECT_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A setting, whether its rule holds, and the rule.
type Rule = (&'static str, bool, &'static str);

/// Every setting whose rule does not hold, and the rule.
pub(super) fn broken(settings: &Settings) -> impl Iterator<Item = (&'static str, &'static str)> {
    let rules = general(settings).into_iter().chain(of_storage(settings));
    let broken = rules.filter(|(_, holds, _)| !holds);
    broken.map(|(key, _, rule)| (key, rule))
}

fn general(settings: &Settings) -> [Rule; 10] {
    [
        (
            "worker.lease",
            settings.lease >= Duration::from_secs(5),
            "must be at least 5s: a heartbeat extends it after a third",
        ),
        (
            "worker.task_deadline",
            settings.task_deadline >= Duration::from_secs(1),
            "must be at least 1s",
        ),
        (
            "webhooks.deadline",
            settings.webhook_deadline >= Duration::from_millis(100),
            "must be at least 100ms",
        ),
        (
            "uploads.bytes_max",
            settings.upload_bytes_max.0 > 0,
            "must be more than 0B",
        ),
        (
            "tokens.access_lifetime",
            settings.access_token_lifetime >= Duration::from_secs(1),
            "must be at least 1s",
        ),
        (
            "tokens.refresh_lifetime",
            settings.refresh_token_lifetime >= settings.access_token_lifetime,
            "must not be shorter than `tokens.access_lifetime`",
        ),
        (
            "openid.client_id",
            settings.openid_issuer.is_none() || !settings.openid_client_id.is_empty(),
            "must be given where `openid.issuer` is",
        ),
        (
            "openid.name",
            settings.openid_issuer.is_none() || !settings.openid_name.is_empty(),
            "must be given where `openid.issuer` is",
        ),
        (
            "public_url",
            settings.openid_issuer.is_none() || settings.public_url.is_some(),
            "must be given where `openid.issuer` is: the provider sends browsers back to it",
        ),
        (
            "manager.password_sign_in",
            settings.password_sign_in || settings.openid_issuer.is_some(),
            "must not be off without `openid.issuer`: nobody could sign in",
        ),
    ]
}

fn of_storage(settings: &Settings) -> [Rule; 4] {
    let plain = settings
        .storage_endpoint
        .as_ref()
        .is_some_and(HttpEndpoint::is_plain);
    [
        (
            "storage.part_bytes",
            (PART_BYTES_MIN..=PART_BYTES_MAX).contains(&settings.storage_part_bytes.0),
            "must be from 5MiB to 1GiB",
        ),
        (
            "storage.timeout",
            settings.storage_timeout >= Duration::from_secs(1),
            "must be at least 1s",
        ),
        (
            "storage.redirect_lifetime",
            (Duration::from_secs(1)..=REDIRECT_LIFETIME_MAX).contains(&settings.storage_redirect_lifetime),
            "must be from 1s to 7d",
        ),
        (
            "storage.endpoint",
            settings.storage_allow_http || !plain,
            "must begin with https:, or `storage.allow_http` must be true",
        ),
    ]
}
