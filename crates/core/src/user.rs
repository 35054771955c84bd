//! People who use the Manager, and what they may see. Programs are [clients](crate::client) instead.

use crate::id::ClientId;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, for all clients.
    Administrator,
    /// What belongs to one client.
    Member(ClientId),
}

impl Role {
    /// Whose things the person may see.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Administrator => Scope::All,
            Self::Member(client) => Scope::Client(client),
        }
    }
}

/// Whose things are meant or may be seen. What lies outside behaves exactly as what does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of every client.
    All,
    /// Those of one client.
    Client(ClientId),
}

impl Scope {
    /// Whether what belongs to `client` lies inside.
    pub fn contains(self, client: ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Client(own) => own == client,
        }
    }

    /// What lies inside both: a list narrowed to one client by somebody who may see others too. `None`: nothing does.
    pub fn narrowed_to(self, client: ClientId) -> Option<Self> {
        self.contains(client).then_some(Self::Client(client))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_member_sees_one_client_and_cannot_be_narrowed_to_another() {
        let [own, other] = [1, 2].map(|n| ClientId::from_uuid(Uuid::from_u128(n)));
        let member = Role::Member(own).scope();
        assert!(member.contains(own) && !member.contains(other));
        assert_eq!(member.narrowed_to(own), Some(Scope::Client(own)));
        assert_eq!(member.narrowed_to(other), None);
        assert_eq!(Role::Administrator.scope().narrowed_to(other), Some(Scope::Client(other)));
    }
}
