//! By what waiting callers are queued.

use aws_lc_rs::digest::{SHA256, digest};
use protocol::attempts::Network;
use protocol::id::{ClientId, DeviceId, UserId};
use protocol::session::Session;

/// By what a caller is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKey {
    /// A stranger: by network. Callers without a network count as one.
    Stranger(Option<Network>),
    /// A browser or a session that the account knows: by account, and inside it by the id of browser or session.
    Known(UserId, [u8; 16]),
    /// A client that has authenticated: by the hash of its id, and inside it by the caller's network.
    Client([u8; 16], Option<Network>),
}

impl QueueKey {
    /// The key of a browser that signed in to the account before.
    pub const fn of_device(user: &UserId, device: &DeviceId) -> Self {
        Self::Known(*user, *device.as_bytes())
    }

    /// The key of somebody who is signed in.
    pub const fn of_session(session: &Session) -> Self {
        Self::Known(session.user, *session.id.as_bytes())
    }

    /// The key of a client for a caller who would be queued by `caller`.
    pub fn of_client(client: &ClientId, caller: Self) -> Self {
        let hash = digest(&SHA256, client.as_str().as_bytes());
        let network = if let Self::Stranger(network) = caller { network } else { None };
        Self::Client(hash.as_ref().first_chunk().copied().unwrap_or_default(), network)
    }

    /// Where its waiters are in the tree of queues, from the widest group to the narrowest.
    pub(super) const fn path(self) -> [Group; 3] {
        match self {
            Self::Stranger(None) => [Group::All; 3],
            Self::Stranger(Some(network @ Network::V6(_))) => {
                let [wide, middle, narrow] = network.within();
                [Group::Network(wide, 48), Group::Network(middle, 56), Group::Network(narrow, 64)]
            }
            Self::Stranger(Some(address)) => [Group::Network(address, 32), Group::All, Group::All],
            Self::Client(id, None) => [Group::Client(id), Group::All, Group::All],
            Self::Client(id, Some(network @ Network::V6(_))) => {
                let [wide, middle, _] = network.within();
                [Group::Client(id), Group::Network(wide, 48), Group::Network(middle, 56)]
            }
            Self::Client(id, Some(address)) => [Group::Client(id), Group::Network(address, 32), Group::All],
            Self::Known(account, by) => [Group::Account(account), Group::Known(by), Group::All],
        }
    }
}

/// A group of callers, which is served in turn with others at its level of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// A network, and how many bits of it count.
    Network(Network, u8),
    /// An account.
    Account(UserId),
    /// A browser or a session that the account knows.
    Known([u8; 16]),
    /// A client.
    Client([u8; 16]),
    /// Nothing is distinguished at this level.
    All,
}
