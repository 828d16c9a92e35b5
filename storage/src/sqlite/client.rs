//! Clients.

use super::column::{At, Columns, Count, FORMAT, Format, Json, Word};
use super::guarded::outcome;
use crate::stored::Stored;
use crate::{Commit, Stamp};
use protocol::client::Client;
use protocol::generation::Generation;
use protocol::id::{ClientId, Realm, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

pub(super) fn client(db: &Connection, realm: &Realm, id: &ClientId) -> Result<Option<Client>> {
    Ok(get(db, realm, id)?.map(|stored| stored.record))
}

fn get(db: &Connection, realm: &Realm, id: &ClientId) -> Result<Option<Stored<Client>>> {
    db.prepare_cached("SELECT * FROM clients WHERE realm = ?1 AND id = ?2")?
        .query_row([realm.as_str(), id.as_str()], from_row)
        .optional()
}

pub(super) fn clients(db: &Connection, realm: &Realm) -> Result<Vec<Client>> {
    db.prepare_cached("SELECT * FROM clients WHERE realm = ?1 ORDER BY id")?
        .query_map([realm.as_str()], |row| Ok(from_row(row)?.record))?
        .collect()
}

/// Takes the parameters of [`write`].
const INSERT: &str = "INSERT INTO clients (realm, id, name, auth_method, secrets, redirect_uris,
    post_logout_redirect_uris, origins, grant_types, scope, audiences, resources, signing_alg, pkce_required,
    first_party, native, disabled, not_before, created_at, revision, last_request, v, generation)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
    ?23)
  ON CONFLICT DO NOTHING";

/// Takes the parameters of [`write`].
const REPLACE: &str = "UPDATE clients SET name = ?3, auth_method = ?4, secrets = ?5, redirect_uris = ?6,
    post_logout_redirect_uris = ?7, origins = ?8, grant_types = ?9, scope = ?10, audiences = ?11,
    resources = ?12, signing_alg = ?13, pkce_required = ?14, first_party = ?15, native = ?16, disabled = ?17,
    not_before = ?18, revision = ?20, last_request = ?21, generation = ?23
  WHERE realm = ?1 AND id = ?2 AND revision = ?20 - 1 AND created_at = ?19 AND v = ?22";

pub(super) fn create_client(
    db: &Connection,
    realm: &Realm,
    client: &Client,
    stamp: &Stamp,
) -> Result<Commit<Client>> {
    write(db, INSERT, realm, client, stamp)
}

pub(super) fn replace_client(
    db: &Connection,
    realm: &Realm,
    client: &Client,
    stamp: &Stamp,
) -> Result<Commit<Client>> {
    write(db, REPLACE, realm, client, stamp)
}

fn write(
    db: &Connection,
    text: &str,
    realm: &Realm,
    client: &Client,
    stamp: &Stamp,
) -> Result<Commit<Client>> {
    let changed = db.prepare_cached(text)?.execute(params![
        realm.as_str(),
        client.id.as_str(),
        client.name,
        Word(client.auth_method),
        Json(&client.secrets),
        Json(&client.redirect_uris),
        Json(&client.post_logout_redirect_uris),
        Json(&client.origins),
        Json(&client.grant_types),
        client.scope.as_str(),
        Json(&client.audiences),
        Json(&client.resources),
        client.signing_alg.map(Word),
        client.pkce_required,
        client.first_party,
        client.native,
        client.disabled,
        At(client.generation.not_before),
        At(client.created_at),
        Count(client.revision),
        stamp.request.as_bytes(),
        FORMAT,
        client.generation.id.as_ref().map(RequestId::as_bytes)
    ])?;
    outcome(changed, stamp, || get(db, realm, &client.id), |there| there == client)
}

/// Without the hint SQLite would scan all consents of the realm by the primary key.
pub(super) const CONSENTS: &str =
    "DELETE FROM consents INDEXED BY consents_by_client WHERE realm = ?1 AND client_id = ?2";

pub(super) fn delete_client(
    db: &Connection,
    realm: &Realm,
    id: &ClientId,
    _: &Stamp,
) -> Result<Commit<Client>> {
    let changed = db
        .prepare_cached("DELETE FROM clients WHERE realm = ?1 AND id = ?2")?
        .execute([realm.as_str(), id.as_str()])?;
    if changed == 0 {
        return Ok(Commit::Lost(None));
    }
    db.prepare_cached(CONSENTS)?.execute([realm.as_str(), id.as_str()])?;
    Ok(Commit::Done)
}

fn from_row(row: &Row<'_>) -> Result<Stored<Client>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = Client {
        id: row.get::<Word<_>>("id")?.0,
        name: row.get("name")?,
        auth_method: row.get::<Word<_>>("auth_method")?.0,
        secrets: row.get::<Json<_>>("secrets")?.0,
        redirect_uris: row.get::<Json<_>>("redirect_uris")?.0,
        post_logout_redirect_uris: row.get::<Json<_>>("post_logout_redirect_uris")?.0,
        origins: row.get::<Json<_>>("origins")?.0,
        grant_types: row.get::<Json<_>>("grant_types")?.0,
        scope: row.get::<Word<_>>("scope")?.0,
        audiences: row.get::<Json<_>>("audiences")?.0,
        resources: row.get::<Json<_>>("resources")?.0,
        signing_alg: row.get::<Option<Word<_>>>("signing_alg")?.map(|alg| alg.0),
        pkce_required: row.get("pkce_required")?,
        first_party: row.get("first_party")?,
        native: row.get("native")?,
        disabled: row.get("disabled")?,
        generation: Generation {
            not_before: row.get::<At>("not_before")?.0,
            id: row.get::<Option<_>>("generation")?.map(RequestId::from_bytes),
        },
        created_at: row.get::<At>("created_at")?.0,
        revision: row.get::<Count>("revision")?.0,
    };
    Ok(Stored { record, last_request: RequestId::from_bytes(row.get("last_request")?) })
}
