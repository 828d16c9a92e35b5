-- Groups, and which of them a user is in. Older programs leave both alone.

CREATE TABLE user_groups (
  realm TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  deleting INTEGER NOT NULL,
  last_request BLOB NOT NULL,
  v INTEGER NOT NULL,
  PRIMARY KEY (realm, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE users ADD COLUMN member_of TEXT NOT NULL DEFAULT '[]';
