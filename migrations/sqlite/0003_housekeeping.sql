-- Indexes by which a deleted client takes along what people agreed to with it, and grants go whose codes nobody
-- redeemed. An older program only keeps them up to date.

CREATE INDEX consents_by_client ON consents (realm, client_id);

-- The last column is always NULL: with it the index holds all that the question asks.
CREATE INDEX unredeemed_grants_by_code ON grants (realm, code_expires_at, redeemed_at) WHERE redeemed_at IS NULL;
