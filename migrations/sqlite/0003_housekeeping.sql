-- Indexes for deleting the consents of a deleted client, and the grants whose codes were never redeemed. An older
-- program only keeps them up to date.

CREATE INDEX consents_by_client ON consents (realm, client_id);

-- The last column is always NULL; with it the index covers the query.
CREATE INDEX unredeemed_grants_by_code ON grants (realm, code_expires_at, redeemed_at) WHERE redeemed_at IS NULL;
