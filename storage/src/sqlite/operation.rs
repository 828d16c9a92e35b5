//! Every operation that runs on a connection, by its name.

pub(super) use super::attempt::{debts, note_attempt};
pub(super) use super::belongings::{belongings, delete_belongings};
pub(super) use super::client::{client, clients, create_client, delete_client, replace_client};
pub(super) use super::consent::{forget_consent, remember_consent};
pub(super) use super::grant::{
    burn_code, create_grant, load_grant, redeem_code, restore_grant, revoke_grant, rotate_refresh,
};
pub(super) use super::group::{close_group, create_group, delete_group, groups};
pub(super) use super::member::{leave_group, members};
pub(super) use super::realm::{issuer, replace_issuer, replace_ring, ring};
pub(super) use super::session::{end_session, load_sign_in, reauthenticate, restore_session, start_session};
pub(super) use super::token::{denied_tokens, deny_token, load_token};
pub(super) use super::user::{
    add_identifier, create_user, delete_user, find_user, replace_user, set_password, set_profile,
    set_user_disabled, user, user_ids, users, void_user,
};
