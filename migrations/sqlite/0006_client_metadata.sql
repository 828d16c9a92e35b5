-- What a client chooses about its tokens is one JSON object; a member that is absent means the server's default. An
-- older program leaves these columns as they are.

ALTER TABLE clients ADD COLUMN dotless_schemes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN start_url TEXT;
ALTER TABLE clients ADD COLUMN tokens TEXT NOT NULL DEFAULT '{}';
ALTER TABLE clients ADD COLUMN declared INTEGER NOT NULL DEFAULT 0;
