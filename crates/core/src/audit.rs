//! The audit log: who did what, when and from where. Entries are only ever added; the oldest are forgotten in time.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::id::{AuditId, ClientId, DeliveryId, EndpointId, JobId, ReplayId, UserId};
use crate::time::Timestamp;

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person who was signed in to the Manager.
    User {
        /// Which one.
        id: UserId,
        /// The name at that time; the entry outlives the user.
        name: String,
    },
    /// A program with a client's credentials.
    Client {
        /// Which one.
        id: ClientId,
        /// The name at that time.
        name: String,
    },
    /// Somebody with a shell on the machine: the command line.
    Operator,
    /// Somebody who was not signed in, by the name that was given.
    Stranger {
        /// The name, which may be anything.
        name: String,
    },
    /// Sfumato itself.
    System,
}

impl Actor {
    /// The word for the kind of actor in the database and in exports.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Client { .. } => "client",
            Self::Operator => "operator",
            Self::Stranger { .. } => "stranger",
            Self::System => "system",
        }
    }

    /// Its identifier, where it has one.
    pub const fn id(&self) -> Option<Uuid> {
        match self {
            Self::User { id, .. } => Some(id.as_uuid()),
            Self::Client { id, .. } => Some(id.as_uuid()),
            Self::Operator | Self::Stranger { .. } | Self::System => None,
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. } | Self::Client { name, .. } | Self::Stranger { name } => name,
            Self::Operator => "operator",
            Self::System => "Sfumato",
        }
    }

    /// The actor of a kind, as the three methods above have told it; `None` where they cannot have.
    pub fn from_parts(kind: &str, id: Option<Uuid>, name: String) -> Option<Self> {
        Some(match (kind, id) {
            ("user", Some(id)) => Self::User {
                id: UserId::from_uuid(id),
                name,
            },
            ("client", Some(id)) => Self::Client {
                id: ClientId::from_uuid(id),
                name,
            },
            ("operator", None) => Self::Operator,
            ("stranger", None) => Self::Stranger { name },
            ("system", None) => Self::System,
            _ => return None,
        })
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident: $word:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Action {$(
            $(#[$doc])*
            #[serde(rename = $word)]
            $name,
        )*}

        impl Action {
            /// Every action, for lists to choose from.
            pub const ALL: &[Action] = &[$(Self::$name),*];

            /// The word in the database and in exports: the thing, a dot, what happened to it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

actions! {
    /// A person signed in.
    SignedIn: "session.opened";
    /// A sign-in was refused.
    SignInRefused: "session.refused";
    /// A person signed out.
    SignedOut: "session.closed";
    /// A person signed out everywhere, or was signed out.
    SignedOutEverywhere: "session.closed_all";
    /// A user was made.
    UserCreated: "user.created";
    /// A user's name, role or client was changed.
    UserChanged: "user.changed";
    /// A user was found by the e-mail address and is known by the identity at the OpenID Connect provider from then on.
    UserLinked: "user.linked";
    /// A user was shut out.
    UserDisabled: "user.disabled";
    /// A user was let in again.
    UserEnabled: "user.enabled";
    /// A user was deleted.
    UserDeleted: "user.deleted";
    /// A password was chosen.
    PasswordChanged: "user.password_changed";
    /// A link to choose a password was made.
    PasswordLinkCreated: "user.link_created";
    /// A client was made.
    ClientCreated: "client.created";
    /// A client was called something else.
    ClientRenamed: "client.renamed";
    /// A client was shut out.
    ClientDisabled: "client.disabled";
    /// A client was let in again.
    ClientEnabled: "client.enabled";
    /// A client's secret was replaced.
    ClientSecretRotated: "client.secret_rotated";
    /// A client's retention or quotas were changed.
    ClientPolicyChanged: "client.policy_changed";
    /// An endpoint was added.
    EndpointCreated: "endpoint.created";
    /// An endpoint's settings were changed.
    EndpointChanged: "endpoint.changed";
    /// An endpoint was deleted.
    EndpointDeleted: "endpoint.deleted";
    /// A test message was sent to an endpoint.
    EndpointTested: "endpoint.tested";
    /// An endpoint's token was shown.
    EndpointTokenShown: "endpoint.token_shown";
    /// An endpoint's token was replaced.
    EndpointTokenRotated: "endpoint.token_rotated";
    /// An endpoint's signing secret was shown.
    EndpointSecretShown: "endpoint.secret_shown";
    /// An endpoint's signing secret was replaced.
    EndpointSecretRotated: "endpoint.secret_rotated";
    /// The overlap of an endpoint's rotations was ended.
    EndpointOverlapEnded: "endpoint.overlap_ended";
    /// A delivery was sent again.
    DeliveryResent: "delivery.resent";
    /// A replay was begun.
    ReplayStarted: "replay.started";
    /// A replay was stopped.
    ReplayCancelled: "replay.cancelled";
    /// A job was made by a person's upload.
    JobSubmitted: "job.submitted";
    /// A job was cancelled.
    JobCancelled: "job.cancelled";
    /// A job was done again.
    JobRetried: "job.retried";
    /// A job was rendered again from edited detections.
    JobRendered: "job.rendered";
    /// A job's original and result were deleted before their time.
    JobMediaDeleted: "job.media_deleted";
    /// An original was looked at or downloaded.
    OriginalRead: "original.read";
    /// A result was downloaded.
    ResultRead: "result.read";
    /// The secrets in the database were sealed with another key.
    SecretsRotated: "secrets.rotated";
    /// The installation got another master key.
    MasterKeyRotated: "master_key.rotated";
    /// The audit log was exported.
    AuditExported: "audit.exported";
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word is not the name of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an action of the audit log")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == word)
            .ok_or(UnknownAction)
    }
}

/// What it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person.
    User(UserId),
    /// A client.
    Client(ClientId),
    /// An endpoint.
    Endpoint(EndpointId),
    /// A delivery.
    Delivery(DeliveryId),
    /// A replay.
    Replay(ReplayId),
    /// A job, its original or its result.
    Job(JobId),
}

impl Subject {
    /// The word for the kind of thing in the database and in exports.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Client(_) => "client",
            Self::Endpoint(_) => "endpoint",
            Self::Delivery(_) => "delivery",
            Self::Replay(_) => "replay",
            Self::Job(_) => "job",
        }
    }

    /// Its identifier.
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(id) => id.as_uuid(),
            Self::Client(id) => id.as_uuid(),
            Self::Endpoint(id) => id.as_uuid(),
            Self::Delivery(id) => id.as_uuid(),
            Self::Replay(id) => id.as_uuid(),
            Self::Job(id) => id.as_uuid(),
        }
    }

    /// The thing of a kind; `None` for a word that is no kind.
    pub fn from_parts(kind: &str, id: Uuid) -> Option<Self> {
        Some(match kind {
            "user" => Self::User(UserId::from_uuid(id)),
            "client" => Self::Client(ClientId::from_uuid(id)),
            "endpoint" => Self::Endpoint(EndpointId::from_uuid(id)),
            "delivery" => Self::Delivery(DeliveryId::from_uuid(id)),
            "replay" => Self::Replay(ReplayId::from_uuid(id)),
            "job" => Self::Job(JobId::from_uuid(id)),
            _ => return None,
        })
    }
}

/// Particulars of an action, by name: what was changed, from what to what. Never a secret.
pub type Detail = BTreeMap<String, String>;

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Identifier; sorts by age.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// To what.
    pub subject: Option<Subject>,
    /// Whose things it was about; `None`: the whole installation's, which administrators alone may see.
    pub client: Option<ClientId>,
    /// Particulars.
    pub detail: Detail,
    /// From which address.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_every_action_is_read_back_and_names_its_thing() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(action.as_str().contains('.'));
        }
    }

    #[test]
    fn actors_and_subjects_are_put_together_from_their_parts() {
        let id = Uuid::from_u128(7);
        for actor in [
            Actor::User {
                id: UserId::from_uuid(id),
                name: "a".into(),
            },
            Actor::Client {
                id: ClientId::from_uuid(id),
                name: "b".into(),
            },
            Actor::Operator,
            Actor::Stranger { name: "c".into() },
            Actor::System,
        ] {
            let again = Actor::from_parts(actor.kind(), actor.id(), actor.name().to_owned());
            assert_eq!(again, Some(actor));
        }
        assert_eq!(Actor::from_parts("user", None, String::new()), None);
        for subject in [
            Subject::User(UserId::from_uuid(id)),
            Subject::Client(ClientId::from_uuid(id)),
            Subject::Endpoint(EndpointId::from_uuid(id)),
            Subject::Delivery(DeliveryId::from_uuid(id)),
            Subject::Replay(ReplayId::from_uuid(id)),
            Subject::Job(JobId::from_uuid(id)),
        ] {
            assert_eq!(Subject::from_parts(subject.kind(), subject.id()), Some(subject));
        }
        assert_eq!(Subject::from_parts("planet", id), None);
    }
}
