//! Clients.

use super::column::{At, Columns, Count, FORMAT, Format, Json, Word};
use super::guarded::outcome;
use crate::stored::Stored;
use crate::{Commit, Stamp};
use protocol::client::Client;
use protocol::generation::Generation;
use protocol::id::{ClientId, Realm, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

pub(super) fn client(db: &Connection, realm: &Realm, id: &ClientId) -> Result<Option<Client>> {
    Ok(get(db, realm, id)?.map(|stored| stored.record))
}

fn get(db: &Connection, realm: &Realm, id: &ClientId) -> Result<Option<Stored<Client>>> {
    db.prepare_cached("SELECT * FROM clients WHERE realm = :realm AND id = :id")?
        .query_row(named_params! { ":realm": realm.as_str(), ":id": id.as_str() }, from_row)
        .optional()
}

pub(super) fn clients(db: &Connection, realm: &Realm) -> Result<Vec<Client>> {
    db.prepare_cached("SELECT * FROM clients WHERE realm = :realm ORDER BY id")?
        .query_map(named_params! { ":realm": realm.as_str() }, |row| Ok(from_row(row)?.record))?
        .collect()
}

/// Takes the parameters of [`write`].
const INSERT: &str = "INSERT INTO clients (realm, id, name, auth_method, secrets, redirect_uris,
    post_logout_redirect_uris, origins, grant_types, scope, audiences, resources, signing_alg, pkce_required,
    first_party, native, disabled, not_before, created_at, revision, last_request, v, generation,
    dotless_schemes, start_url, tokens, declared)
  VALUES (:realm, :id, :name, :auth_method, :secrets, :redirect_uris,
    :post_logout_redirect_uris, :origins, :grant_types, :scope, :audiences, :resources, :signing_alg, :pkce_required,
    :first_party, :native, :disabled, :not_before, :created_at, :revision, :last_request, :v, :generation,
    :dotless_schemes, :start_url, :tokens, :declared)
  ON CONFLICT DO NOTHING";

/// Takes the parameters of [`write`].
const REPLACE: &str = "UPDATE clients SET name = :name, auth_method = :auth_method, secrets = :secrets,
    redirect_uris = :redirect_uris, post_logout_redirect_uris = :post_logout_redirect_uris, origins = :origins,
    grant_types = :grant_types, scope = :scope, audiences = :audiences, resources = :resources,
    signing_alg = :signing_alg, pkce_required = :pkce_required, first_party = :first_party, native = :native,
    disabled = :disabled, not_before = :not_before, revision = :revision, last_request = :last_request,
    generation = :generation, dotless_schemes = :dotless_schemes, start_url = :start_url, tokens = :tokens,
    declared = :declared
  WHERE realm = :realm AND id = :id AND revision = :revision - 1 AND created_at = :created_at AND v = :v";

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
    let changed = db.prepare_cached(text)?.execute(named_params! {
        ":realm": realm.as_str(),
        ":id": client.id.as_str(),
        ":name": client.name,
        ":auth_method": Word(client.auth_method),
        ":secrets": Json(&client.secrets),
        ":redirect_uris": Json(&client.redirect_uris),
        ":post_logout_redirect_uris": Json(&client.post_logout_redirect_uris),
        ":origins": Json(&client.origins),
        ":grant_types": Json(&client.grant_types),
        ":scope": client.scope.as_str(),
        ":audiences": Json(&client.audiences),
        ":resources": Json(&client.resources),
        ":signing_alg": client.signing_alg.map(Word),
        ":pkce_required": client.pkce_required,
        ":first_party": client.first_party,
        ":native": client.native,
        ":disabled": client.disabled,
        ":not_before": At(client.generation.not_before),
        ":created_at": At(client.created_at),
        ":revision": Count(client.revision),
        ":last_request": stamp.request.as_bytes(),
        ":v": FORMAT,
        ":generation": client.generation.id.as_ref().map(RequestId::as_bytes),
        ":dotless_schemes": client.dotless_schemes,
        ":start_url": client.start_url,
        ":tokens": Json(&client.tokens),
        ":declared": client.declared,
    })?;
    outcome(changed, stamp, || get(db, realm, &client.id), |there| there == client)
}

/// Without the hint SQLite would scan all consents of the realm by the primary key.
pub(super) const CONSENTS: &str =
    "DELETE FROM consents INDEXED BY consents_by_client WHERE realm = :realm AND client_id = :id";

pub(super) fn delete_client(
    db: &Connection,
    realm: &Realm,
    client: &Client,
    stamp: &Stamp,
) -> Result<Commit<Client>> {
    let changed = db
        .prepare_cached(
            "DELETE FROM clients
             WHERE realm = :realm AND id = :id AND revision = :seen AND created_at = :created_at AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":id": client.id.as_str(),
            ":seen": Count(client.revision),
            ":created_at": At(client.created_at),
            ":v": FORMAT,
        })?;
    if changed > 0 {
        let values = named_params! { ":realm": realm.as_str(), ":id": client.id.as_str() };
        db.prepare_cached(CONSENTS)?.execute(values)?;
    }
    outcome(changed, stamp, || get(db, realm, &client.id), |_| false)
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
        dotless_schemes: row.get("dotless_schemes")?,
        start_url: row.get("start_url")?,
        tokens: row.get::<Json<_>>("tokens")?.0,
        declared: row.get("declared")?,
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
