-- A grant says by which flow it was given. Codes were all that older programs knew, and what they write meanwhile is one.
-- A grant of another flow has none of a code's columns.

ALTER TABLE grants ADD COLUMN flow TEXT NOT NULL DEFAULT 'code';
ALTER TABLE grants ALTER COLUMN redirect_uri DROP NOT NULL;
ALTER TABLE grants ALTER COLUMN pkce DROP NOT NULL;
ALTER TABLE grants ALTER COLUMN code DROP NOT NULL;
ALTER TABLE grants ALTER COLUMN code_expires_at DROP NOT NULL;
