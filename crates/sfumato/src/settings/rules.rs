//! What must hold between settings, each of which is right for itself.

use super::errors::SettingsError;
use super::sources::Loaded;
use super::storage;

impl Loaded {
    /// Every rule that the values break together.
    pub(super) fn broken_rules(&self) -> Vec<SettingsError> {
        use std::time::Duration;
        let settings = &self.settings;
        let rules = [
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
        ];
        let storage = storage::rules(settings);
        let broken = rules.into_iter().chain(storage).filter(|(_, holds, _)| !holds);
        broken
            .map(|(key, _, rule)| SettingsError::Rule {
                key,
                origin: self.origin(key),
                rule,
            })
            .collect()
    }
}
