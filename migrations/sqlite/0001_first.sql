-- The first schema. Every key begins with the realm. `v` is the format of one record; a program refuses records of
-- another format than it knows. By `last_request` a repeated write recognises its own effect.
-- Times are milliseconds since 1970; ids and digests are raw bytes; JSON only where a value is nested.

CREATE TABLE realms (
  realm TEXT NOT NULL PRIMARY KEY,
  issuer TEXT NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ring (
  realm TEXT NOT NULL,
  document TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, document)
) STRICT;

CREATE TABLE clients (
  realm TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  auth_method TEXT NOT NULL,
  secrets TEXT NOT NULL,
  redirect_uris TEXT NOT NULL,
  post_logout_redirect_uris TEXT NOT NULL,
  origins TEXT NOT NULL,
  grant_types TEXT NOT NULL,
  scope TEXT NOT NULL,
  audiences TEXT NOT NULL,
  resources TEXT NOT NULL,
  signing_alg TEXT,
  pkce_required INTEGER NOT NULL,
  first_party INTEGER NOT NULL,
  native INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE TABLE users (
  realm TEXT NOT NULL,
  id BLOB NOT NULL,
  subject TEXT NOT NULL,
  username TEXT NOT NULL,
  email TEXT,
  email_verified INTEGER NOT NULL,
  claims TEXT NOT NULL,
  password TEXT,
  disabled INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE TABLE identifiers (
  realm TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  user_id BLOB NOT NULL,
  PRIMARY KEY (realm, kind, name),
  FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX identifiers_by_user ON identifiers (realm, user_id);

CREATE TABLE sessions (
  realm TEXT NOT NULL,
  user_id BLOB NOT NULL,
  id BLOB NOT NULL,
  secret BLOB NOT NULL,
  authentication TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, user_id, id)
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (realm, expires_at);

CREATE TABLE consents (
  realm TEXT NOT NULL,
  user_id BLOB NOT NULL,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  granted_at INTEGER NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, user_id, client_id)
) STRICT, WITHOUT ROWID;

-- No index but the key and the expiry: a user's grants are next to each other, and few.
CREATE TABLE grants (
  realm TEXT NOT NULL,
  user_id BLOB NOT NULL,
  id BLOB NOT NULL,
  client_id TEXT NOT NULL,
  session_id BLOB NOT NULL,
  requested_scope TEXT NOT NULL,
  scope TEXT NOT NULL,
  resource TEXT,
  redirect_uri BLOB NOT NULL,
  pkce TEXT NOT NULL,
  nonce TEXT,
  claims TEXT NOT NULL,
  authentication TEXT NOT NULL,
  offline INTEGER NOT NULL,
  code BLOB NOT NULL,
  code_expires_at INTEGER NOT NULL,
  redeemed_at INTEGER,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  revoked_reason TEXT,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, user_id, id)
) STRICT;
CREATE INDEX grants_by_expiry ON grants (realm, expires_at);
