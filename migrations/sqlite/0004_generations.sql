-- Generations, which are compared, show what has ended, instead of instants; `not_before` stays for older programs
-- and is a part of the generation. `authority` is a digest of the generations by which something was decided; NULL: an
-- older program decided, and `not_before` says what counts.

ALTER TABLE users ADD COLUMN generation BLOB;
ALTER TABLE clients ADD COLUMN generation BLOB;
ALTER TABLE sessions ADD COLUMN authority BLOB;
ALTER TABLE grants ADD COLUMN authority BLOB;
ALTER TABLE consents ADD COLUMN authority BLOB;

-- For counting the outstanding codes of one session for one client. The last column is always NULL; with it the
-- index covers the query.
CREATE INDEX unredeemed_grants_of_session ON grants (realm, user_id, session_id, client_id, redeemed_at)
  WHERE redeemed_at IS NULL;
