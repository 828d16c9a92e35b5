//! Grants: each step in the life of a code or token is one guarded update of one row.

use super::column::{At, Columns, FORMAT, Format, Json, Word};
use super::guarded::outcome;
use super::{consent, session, user};
use crate::stored::{self, Stored};
use crate::{Commit, GrantLocator, GrantView, Stamp};
use protocol::authority::Authority;
use protocol::flow::{AuthorizationCode, Flow};
use protocol::grant::{self, Grant, GrantKey, Refresh, Revocation, RevocationReason};
use protocol::id::{GrantId, Realm, RequestId, SessionId, UserId};
use protocol::pkce::{Challenge, Pkce};
use protocol::scope::Scope;
use protocol::secret::Digest;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

/// The column `pkce` without a challenge; no challenge has this length.
const NO_CHALLENGE: &str = "none";

/// The column `flow` of a grant made for an authorization code.
const CODE: &str = "code";

/// Counts no further than the bound that [`too_many`] checks.
pub(super) const CODES: &str =
    "SELECT count(*) FROM (SELECT 1 FROM grants INDEXED BY unredeemed_grants_of_session
  WHERE realm = :realm AND user_id = :user AND session_id = :session AND client_id = :client
    AND redeemed_at IS NULL LIMIT :limit)";
/// The same for all grants of a user for a client, whose ids form a range.
pub(super) const OF_CLIENT: &str = "SELECT count(*) FROM (SELECT 1 FROM grants
  WHERE realm = :realm AND user_id = :user AND id BETWEEN :least AND :greatest LIMIT :limit)";
/// How many of them are read to find the surplus at most.
const WINDOW: u32 = 300;

fn get(db: &Connection, realm: &Realm, key: &GrantKey) -> Result<Option<Stored<Grant>>> {
    db.prepare_cached("SELECT * FROM grants WHERE realm = :realm AND user_id = :user AND id = :id")?
        .query_row(
            named_params! {
                ":realm": realm.as_str(),
                ":user": key.user.as_bytes(),
                ":id": key.grant.as_bytes(),
            },
            from_row,
        )
        .optional()
}

pub(super) fn load_grant(db: &Connection, realm: &Realm, at: &GrantLocator) -> Result<GrantView> {
    let (key, grant) = (&at.key, get(db, realm, &at.key)?.map(|stored| stored.record));
    let session = match grant.as_ref().filter(|grant| grant.needs_session()) {
        Some(grant) => session::session(db, realm, &key.user, &grant.session)?,
        None => None,
    };
    Ok(GrantView { grant, user: user::user(db, realm, &key.user)?, session })
}

pub(super) fn create_grant(
    db: &Connection,
    realm: &Realm,
    grant: &Grant,
    agreed: &Option<Scope>,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    if let Some(agreed) = agreed {
        // Within the transaction that puts the grant.
        let consent = consent::get(db, realm, &grant.user, &grant.client)?;
        if !consent.is_some_and(|consent| consent.scope.covers(agreed)) {
            return Ok(Commit::Lost(None));
        }
    }
    let commit = restore_grant(db, realm, grant, stamp)?;
    let (least, greatest) = GrantId::range_of(&grant.client);
    if commit.is_done() && too_many(db, realm, grant)? {
        let text = "SELECT * FROM grants
          WHERE realm = :realm AND user_id = :user AND id BETWEEN :least AND :greatest LIMIT :limit";
        let range = named_params! {
            ":realm": realm.as_str(),
            ":user": grant.user.as_bytes(),
            ":least": least.as_bytes(),
            ":greatest": greatest.as_bytes(),
            ":limit": WINDOW,
        };
        // A record that this program can't read is left as it is.
        let read = |row: &Row<'_>| Ok(from_row(row).ok().map(|stored| stored.record));
        let all: Result<Vec<Option<Grant>>> = db.prepare_cached(text)?.query_map(range, read)?.collect();
        let all: Vec<Grant> = all?.into_iter().flatten().collect();
        for id in grant::surplus(&all, grant, stamp.at) {
            delete(db, realm, &GrantKey { user: grant.user, grant: id })?;
        }
    }
    Ok(commit)
}

/// Whether the user has more grants or outstanding codes than a bound allows.
fn too_many(db: &Connection, realm: &Realm, grant: &Grant) -> Result<bool> {
    let (user, session) = (grant.user.as_bytes(), grant.session.as_bytes());
    let (least, greatest) = GrantId::range_of(&grant.client);
    let (codes, all) = (grant::MOST_CODES as i64, grant::MOST_OF_A_CLIENT as i64);
    let of_session = named_params! {
        ":realm": realm.as_str(),
        ":user": user,
        ":session": session,
        ":client": grant.client.as_str(),
        ":limit": codes + 1,
    };
    let of_client = named_params! {
        ":realm": realm.as_str(),
        ":user": user,
        ":least": least.as_bytes(),
        ":greatest": greatest.as_bytes(),
        ":limit": all + 1,
    };
    let count = |text, values| db.prepare_cached(text)?.query_row::<i64, _, _>(values, |row| row.get(0));
    Ok(count(CODES, of_session)? > codes || count(OF_CLIENT, of_client)? > all)
}

fn delete(db: &Connection, realm: &Realm, key: &GrantKey) -> Result<()> {
    let text = "DELETE FROM grants WHERE realm = :realm AND user_id = :user AND id = :id";
    let values = named_params! {
        ":realm": realm.as_str(),
        ":user": key.user.as_bytes(),
        ":id": key.grant.as_bytes(),
    };
    db.prepare_cached(text)?.execute(values).map(drop)
}

pub(super) fn restore_grant(
    db: &Connection,
    realm: &Realm,
    grant: &Grant,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    let Flow::Code(code) = &grant.flow;
    let changed = db
        .prepare_cached(
            "INSERT INTO grants (realm, user_id, id, client_id, session_id, requested_scope, scope, resource,
               redirect_uri, pkce, nonce, claims, authentication, offline, code, code_expires_at, redeemed_at,
               created_at, expires_at, revoked_at, revoked_reason, last_request, v, refresh_digest,
               refresh_generation, refresh_rotated_at, refresh_master, refresh_idle_expires_at,
               refresh_expires_at, authority, flow)
             VALUES (:realm, :user, :id, :client, :session, :requested_scope, :scope, :resource, :redirect_uri,
               :pkce, :nonce, :claims, :authentication, :offline, :code, :code_expires_at, :redeemed_at,
               :created_at, :expires_at, :revoked_at, :revoked_reason, :last_request, :v, :refresh_digest,
               :refresh_generation, :refresh_rotated_at, :refresh_master, :refresh_idle_expires_at,
               :refresh_expires_at, :authority, :flow)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": grant.user.as_bytes(),
            ":id": grant.id.as_bytes(),
            ":client": grant.client.as_str(),
            ":session": grant.session.as_bytes(),
            ":requested_scope": grant.requested_scope.as_str(),
            ":scope": grant.scope.as_str(),
            ":resource": grant.resource,
            ":redirect_uri": code.redirect_uri.as_bytes(),
            ":pkce": pkce_text(&code.pkce),
            ":nonce": code.nonce,
            ":claims": Json(&grant.claims),
            ":authentication": Json(&grant.authentication),
            ":offline": grant.offline,
            ":code": code.digest.as_bytes(),
            ":code_expires_at": At(code.expires_at),
            ":redeemed_at": code.redeemed_at.map(At),
            ":created_at": At(grant.created_at),
            ":expires_at": At(grant.expires_at),
            ":revoked_at": grant.revoked.map(|revoked| At(revoked.at)),
            ":revoked_reason": grant.revoked.map(|revoked| Word(revoked.reason)),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
            ":refresh_digest": grant.refresh.as_ref().map(|tip| tip.digest.as_bytes()),
            ":refresh_generation": grant.refresh.as_ref().map(|tip| tip.generation),
            ":refresh_rotated_at": grant.refresh.as_ref().and_then(|tip| tip.rotated_at.map(At)),
            ":refresh_master": grant.refresh.as_ref().map(|tip| tip.master),
            ":refresh_idle_expires_at": grant.refresh.as_ref().map(|tip| At(tip.idle_expires_at)),
            ":refresh_expires_at": grant.refresh.as_ref().map(|tip| At(tip.expires_at)),
            ":authority": grant.authority.as_ref().map(Authority::as_bytes),
            ":flow": CODE,
        })?;
    let there = || get(db, realm, &grant.key());
    outcome(changed, stamp, there, |there| stored::is_same_grant(there, grant))
}

pub(super) fn redeem_code(
    db: &Connection,
    realm: &Realm,
    key: &GrantKey,
    code: &Digest,
    refresh: &Option<Refresh>,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    // RFC 6749 §4.1.2: a code works once and not after its expiry, and "after" begins at the instant itself.
    let changed = db
        .prepare_cached(
            "UPDATE grants SET redeemed_at = :redeemed_at, last_request = :last_request,
               refresh_digest = :refresh_digest, refresh_generation = :refresh_generation,
               refresh_rotated_at = :refresh_rotated_at, refresh_master = :refresh_master,
               refresh_idle_expires_at = :refresh_idle_expires_at, refresh_expires_at = :refresh_expires_at
             WHERE realm = :realm AND user_id = :user AND id = :id AND code = :code
               AND code_expires_at > :redeemed_at AND redeemed_at IS NULL AND revoked_at IS NULL AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": key.user.as_bytes(),
            ":id": key.grant.as_bytes(),
            ":redeemed_at": At(stamp.at),
            ":last_request": stamp.request.as_bytes(),
            ":code": code.as_bytes(),
            ":v": FORMAT,
            ":refresh_digest": refresh.as_ref().map(|tip| tip.digest.as_bytes()),
            ":refresh_generation": refresh.as_ref().map(|tip| tip.generation),
            ":refresh_rotated_at": refresh.as_ref().and_then(|tip| tip.rotated_at.map(At)),
            ":refresh_master": refresh.as_ref().map(|tip| tip.master),
            ":refresh_idle_expires_at": refresh.as_ref().map(|tip| At(tip.idle_expires_at)),
            ":refresh_expires_at": refresh.as_ref().map(|tip| At(tip.expires_at)),
        })?;
    outcome(
        changed,
        stamp,
        || get(db, realm, key),
        |there| stored::is_redeemed(there, code, refresh.as_ref(), *stamp),
    )
}

pub(super) fn rotate_refresh(
    db: &Connection,
    realm: &Realm,
    key: &GrantKey,
    seen: &Refresh,
    next: &Refresh,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    let changed = db
        .prepare_cached(
            "UPDATE grants SET last_request = :last_request, refresh_digest = :digest,
               refresh_generation = :generation, refresh_rotated_at = :rotated_at, refresh_master = :master,
               refresh_idle_expires_at = :idle_expires_at, refresh_expires_at = :expires_at
             WHERE realm = :realm AND user_id = :user AND id = :id AND refresh_digest = :seen_digest
               AND refresh_generation = :seen_generation AND revoked_at IS NULL AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": key.user.as_bytes(),
            ":id": key.grant.as_bytes(),
            ":last_request": stamp.request.as_bytes(),
            ":digest": next.digest.as_bytes(),
            ":generation": next.generation,
            ":rotated_at": next.rotated_at.map(At),
            ":master": next.master,
            ":idle_expires_at": At(next.idle_expires_at),
            ":expires_at": At(next.expires_at),
            ":seen_digest": seen.digest.as_bytes(),
            ":seen_generation": seen.generation,
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, key), |there| stored::is_rotated(there, next))
}

pub(super) fn burn_code(
    db: &Connection,
    realm: &Realm,
    key: &GrantKey,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    let text = "UPDATE grants
                SET revoked_at = :revoked_at, revoked_reason = :revoked_reason, last_request = :last_request
                WHERE realm = :realm AND user_id = :user AND id = :id
                  AND redeemed_at IS NULL AND revoked_at IS NULL AND v = :v";
    end(db, text, realm, key, RevocationReason::CodeBurnt, stamp)
}

pub(super) fn revoke_grant(
    db: &Connection,
    realm: &Realm,
    key: &GrantKey,
    reason: &RevocationReason,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    let text = "UPDATE grants
                SET revoked_at = :revoked_at, revoked_reason = :revoked_reason, last_request = :last_request
                WHERE realm = :realm AND user_id = :user AND id = :id AND revoked_at IS NULL AND v = :v";
    end(db, text, realm, key, *reason, stamp)
}

fn end(
    db: &Connection,
    text: &str,
    realm: &Realm,
    key: &GrantKey,
    reason: RevocationReason,
    stamp: &Stamp,
) -> Result<Commit<Grant>> {
    let changed = db.prepare_cached(text)?.execute(named_params! {
        ":realm": realm.as_str(),
        ":user": key.user.as_bytes(),
        ":id": key.grant.as_bytes(),
        ":revoked_at": At(stamp.at),
        ":revoked_reason": Word(reason),
        ":last_request": stamp.request.as_bytes(),
        ":v": FORMAT,
    })?;
    outcome(changed, stamp, || get(db, realm, key), |there| stored::is_revoked(there, reason, *stamp))
}

pub(super) fn from_row(row: &Row<'_>) -> Result<Stored<Grant>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = Grant {
        user: UserId::from_bytes(row.get("user_id")?),
        id: GrantId::from_bytes(row.get("id")?),
        client: row.get::<Word<_>>("client_id")?.0,
        session: SessionId::from_bytes(row.get("session_id")?),
        requested_scope: row.get::<Word<_>>("requested_scope")?.0,
        scope: row.get::<Word<_>>("scope")?.0,
        resource: row.get("resource")?,
        claims: row.get::<Json<_>>("claims")?.0,
        authentication: row.get::<Json<_>>("authentication")?.0,
        offline: row.get("offline")?,
        created_at: row.get::<At>("created_at")?.0,
        expires_at: row.get::<At>("expires_at")?.0,
        revoked: revocation(row)?,
        last_request: RequestId::from_bytes(row.get("last_request")?),
        refresh: refresh(row)?,
        authority: row.get::<Option<_>>("authority")?.map(Authority::from_bytes),
        flow: flow(row)?,
    };
    Ok(Stored { last_request: record.last_request, record })
}

fn flow(row: &Columns<'_>) -> Result<Flow> {
    match row.get_ref("flow")?.as_str()? {
        CODE => Ok(Flow::Code(AuthorizationCode {
            redirect_uri: Digest::from_bytes(row.get("redirect_uri")?),
            pkce: pkce_from(row.get_ref("pkce")?.as_str()?)?,
            nonce: row.get("nonce")?,
            digest: Digest::from_bytes(row.get("code")?),
            expires_at: row.get::<At>("code_expires_at")?.0,
            redeemed_at: row.get::<Option<At>>("redeemed_at")?.map(|at| at.0),
        })),
        other => Err(FromSqlError::Other(format!("a grant by the unknown flow `{other}`").into()).into()),
    }
}

/// There is a refresh token if there is its digest; then all of its columns have to be there.
fn refresh(row: &Columns<'_>) -> Result<Option<Refresh>> {
    let Some(digest) = row.get("refresh_digest")? else { return Ok(None) };
    Ok(Some(Refresh {
        digest: Digest::from_bytes(digest),
        generation: row.get("refresh_generation")?,
        rotated_at: row.get::<Option<At>>("refresh_rotated_at")?.map(|at| at.0),
        master: row.get("refresh_master")?,
        idle_expires_at: row.get::<At>("refresh_idle_expires_at")?.0,
        expires_at: row.get::<At>("refresh_expires_at")?.0,
    }))
}

fn revocation(row: &Columns<'_>) -> Result<Option<Revocation>> {
    let Some(At(at)) = row.get("revoked_at")? else { return Ok(None) };
    Ok(Some(Revocation { at, reason: row.get::<Word<_>>("revoked_reason")?.0 }))
}

fn pkce_text(pkce: &Pkce) -> &str {
    match pkce {
        Pkce::S256(challenge) => challenge.as_str(),
        Pkce::None => NO_CHALLENGE,
    }
}

fn pkce_from(text: &str) -> Result<Pkce, FromSqlError> {
    if text == NO_CHALLENGE {
        return Ok(Pkce::None);
    }
    Challenge::parse(text).map(Pkce::S256).ok_or(FromSqlError::InvalidType)
}
