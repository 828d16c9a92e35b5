-- Refresh tokens, denied access tokens, attempt counters, and a number by which a change of a client names the
-- record it saw. Everything is an addition, so an older program can still run on it.

ALTER TABLE grants ADD COLUMN refresh_digest BLOB;
ALTER TABLE grants ADD COLUMN refresh_generation INTEGER;
ALTER TABLE grants ADD COLUMN refresh_rotated_at INTEGER;
ALTER TABLE grants ADD COLUMN refresh_master INTEGER;
ALTER TABLE grants ADD COLUMN refresh_idle_expires_at INTEGER;
ALTER TABLE grants ADD COLUMN refresh_expires_at INTEGER;

ALTER TABLE clients ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

CREATE TABLE denied_tokens (
  realm TEXT NOT NULL,
  token BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, token)
) STRICT;
CREATE INDEX denied_tokens_by_expiry ON denied_tokens (realm, expires_at);

-- `debt` is the only value of a counter; when that instant has passed, the counter counts as absent.
CREATE TABLE attempts (
  realm TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject BLOB NOT NULL,
  debt INTEGER NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, kind, subject)
) STRICT;
CREATE INDEX attempts_by_debt ON attempts (realm, debt);
