//! The types in the signatures of `Store`'s operations, for whoever implements them all.

pub(crate) use crate::belongings::{Belongings, Place};
pub(crate) use crate::commit::{Commit, Stamp};
pub(crate) use crate::error::StoreError;
pub(crate) use crate::ring::{Document, RingDocument};
pub(crate) use crate::view::{DeniedToken, Found, GrantLocator, GrantView, SignInView, TokenView};
pub(crate) use protocol::attempts::{AttemptKey, Limit};
pub(crate) use protocol::client::Client;
pub(crate) use protocol::consent::Consent;
pub(crate) use protocol::generation::Generation;
pub(crate) use protocol::grant::{Grant, GrantKey, Refresh, RevocationReason};
pub(crate) use protocol::group::{Group, GroupName};
pub(crate) use protocol::id::{ClientId, SessionId, UserId};
pub(crate) use protocol::name::Identifier;
pub(crate) use protocol::scope::Scope;
pub(crate) use protocol::secret::Digest;
pub(crate) use protocol::session::Session;
pub(crate) use protocol::time::Timestamp;
pub(crate) use protocol::user::{PasswordHash, User};
