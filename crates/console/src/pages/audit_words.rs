//! The audit log in words: what was done, to what, and by whom.

use sfumato_core::PublicJobId;
use sfumato_core::audit::{Action, Actor, AuditEntry, Subject};
use sfumato_core::client::Client;
use sfumato_core::{User, UserId};

use crate::ui::Tone;

/// What somebody did, as one says it.
pub(super) const fn action_words(action: Action) -> &'static str {
    match action {
        Action::SignedIn => "Signed in",
        Action::SignInRefused => "Sign-in refused",
        Action::SignedOut => "Signed out",
        Action::SignedOutEverywhere => "Signed out everywhere",
        Action::UserCreated => "User created",
        Action::UserChanged => "User changed",
        Action::UserLinked => "User linked with a provider",
        Action::UserDisabled => "User disabled",
        Action::UserEnabled => "User enabled",
        Action::UserDeleted => "User deleted",
        Action::PasswordChanged => "Password changed",
        Action::PasswordLinkCreated => "Password link created",
        Action::ClientCreated => "Client created",
        Action::ClientRenamed => "Client renamed",
        Action::ClientDisabled => "Client disabled",
        Action::ClientEnabled => "Client enabled",
        Action::ClientSecretRotated => "Client secret rotated",
        Action::ClientPolicyChanged => "Retention or quotas changed",
        Action::EndpointCreated => "Endpoint added",
        Action::EndpointChanged => "Endpoint changed",
        Action::EndpointDeleted => "Endpoint deleted",
        Action::EndpointTested => "Endpoint tested",
        Action::EndpointTokenShown => "Endpoint token shown",
        Action::EndpointTokenRotated => "Endpoint token rotated",
        Action::EndpointSecretShown => "Signing secret shown",
        Action::EndpointSecretRotated => "Signing secret rotated",
        Action::EndpointOverlapEnded => "Overlap of a rotation ended",
        Action::DeliveryResent => "Delivery sent again",
        Action::ReplayStarted => "Replay started",
        Action::ReplayCancelled => "Replay cancelled",
        Action::JobSubmitted => "Job submitted",
        Action::JobCancelled => "Job cancelled",
        Action::JobRetried => "Job retried",
        Action::JobRendered => "Job rendered again",
        Action::JobMediaDeleted => "Original and result deleted",
        Action::OriginalRead => "Original read",
        Action::ResultRead => "Result downloaded",
        Action::SecretsRotated => "Secrets sealed with another key",
        Action::MasterKeyRotated => "Master key replaced",
        Action::AuditExported => "Audit log exported",
    }
}

/// How an action is to be seen: what takes something away, or was refused, stands out.
pub(super) const fn tone(action: Action) -> Tone {
    match action {
        Action::SignInRefused => Tone::Bad,
        Action::UserDisabled
        | Action::UserDeleted
        | Action::ClientDisabled
        | Action::EndpointDeleted
        | Action::JobMediaDeleted => Tone::Warning,
        _ => Tone::Quiet,
    }
}

/// The things that actions are about, by the first half of their word.
pub(super) const THINGS: [(&str, &str); 12] = [
    ("session", "Sessions"),
    ("user", "Users"),
    ("client", "Clients"),
    ("endpoint", "Endpoints"),
    ("delivery", "Deliveries"),
    ("replay", "Replays"),
    ("job", "Jobs"),
    ("original", "Originals"),
    ("result", "Results"),
    ("secrets", "Secrets"),
    ("master_key", "Master key"),
    ("audit", "Audit log"),
];

/// The actions about a thing.
pub(super) fn actions_about(thing: &str) -> Vec<Action> {
    let about = |action: &&Action| {
        action
            .as_str()
            .split_once('.')
            .is_some_and(|(own, _)| own == thing)
    };
    Action::ALL.iter().filter(about).copied().collect()
}

/// What kind of somebody an actor is; nothing for people, who are the rule.
pub(super) const fn actor_words(actor: &Actor) -> &'static str {
    match actor {
        Actor::User { .. } => "",
        Actor::Client { .. } => "program of a client",
        Actor::Operator => "command line",
        Actor::Stranger { .. } => "not signed in",
        Actor::System => "by itself",
    }
}

/// What something was done to.
pub(super) struct About {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Where it is looked at, where there is such a page.
    pub(super) path: Option<String>,
}

/// What an entry is about. The particulars of an entry have the name of what may be gone by now.
pub(super) fn about(entry: &AuditEntry, users: &[User], clients: &[Client]) -> Option<About> {
    let particular = |name: &str| entry.detail.get(name).cloned();
    let short = |id: uuid::Uuid| format!("…{}", &id.simple().to_string()[24..]);
    let subject = entry.subject?;
    let (kind, name, path) = match subject {
        Subject::User(id) => (
            "User",
            particular("name").or_else(|| user_name(users, id)),
            Some("/manager/users".to_owned()),
        ),
        Subject::Client(id) => (
            "Client",
            clients
                .iter()
                .find(|client| client.id == id)
                .map(|client| client.name.clone())
                .or_else(|| particular("name")),
            Some(format!("/manager/developer/{id}")),
        ),
        Subject::Endpoint(id) => (
            "Endpoint",
            particular("url"),
            entry
                .client
                .map(|client| format!("/manager/developer/{client}/endpoints/{id}")),
        ),
        Subject::Delivery(_) => ("Delivery", None, None),
        Subject::Replay(_) => ("Replay", None, None),
        Subject::Job(job) => (
            "Job",
            particular("file"),
            entry
                .client
                .map(|client| format!("/manager/jobs/{}", PublicJobId { client, job })),
        ),
    };
    Some(About {
        kind,
        name: name.unwrap_or_else(|| short(subject.id())),
        path,
    })
}

/// The particulars of an entry that its subject does not say already.
pub(super) fn particulars(entry: &AuditEntry) -> Vec<(&str, &str)> {
    let said = match entry.subject {
        Some(Subject::User(_) | Subject::Client(_)) => "name",
        Some(Subject::Endpoint(_)) => "url",
        Some(Subject::Job(_)) => "file",
        _ => "",
    };
    let all = entry
        .detail
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| *name != said).collect()
}

fn user_name(users: &[User], id: UserId) -> Option<String> {
    let user = users.iter().find(|user| user.id == id)?;
    Some(user.name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_about_one_of_the_things() {
        let told: usize = THINGS.iter().map(|(thing, _)| actions_about(thing).len()).sum();
        assert_eq!(told, Action::ALL.len());
        assert!(THINGS.iter().all(|(thing, _)| !actions_about(thing).is_empty()));
    }
}
