-- Schema 2: people, what they may do, and what was done.
-- "groups" is a set of group names, or {*} for every group there is and will be; '*' is no group's name.

CREATE TABLE people (
	id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name           text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._@-]{0,62}$'),
	password_hash  text NOT NULL,            -- PHC string of argon2id
	totp_secret    bytea,                    -- sealed (server/derive.h); NULL: no second factor
	totp_pending   bytea,                    -- sealed; started, not confirmed
	totp_last_step bigint NOT NULL DEFAULT 0, -- a code is good once: only later steps are taken
	disabled_at    timestamptz,
	created_at     timestamptz NOT NULL DEFAULT now(),
	created_by     text NOT NULL DEFAULT ''
);

CREATE TABLE grants (
	person uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	role   text NOT NULL CHECK (role IN ('viewer', 'analyst', 'author', 'approver', 'admin', 'gitops', 'auditor')),
	groups text[] NOT NULL CHECK (cardinality(groups) BETWEEN 1 AND 32),
	PRIMARY KEY (person, role)
);

-- Recovery codes have 80 random bits, so that a plain SHA-256 is enough.
CREATE TABLE recovery_codes (
	person    uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
	PRIMARY KEY (person, code_hash)
);

CREATE TABLE sessions (
	id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	secret_hash bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
	person      uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
	created_at  timestamptz NOT NULL DEFAULT now(),
	seen_at     timestamptz NOT NULL DEFAULT now(),
	expires_at  timestamptz NOT NULL,
	address     text NOT NULL DEFAULT '',
	agent       text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_person ON sessions (person);

-- Logins that failed, by bucket: a keyed hash of the name or the address cut to 16 bits, so that guessing
-- makes no more than 131072 rows whatever is guessed, and a name that nobody has counts like any other.
CREATE TABLE login_delays (
	bucket   integer PRIMARY KEY,
	failures integer NOT NULL,
	last_at  timestamptz NOT NULL DEFAULT now(),
	next_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One-time links that make an admin; `ampoule-server setup` and `ampoule-server link` print them.
CREATE TABLE setup_links (
	secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
	created_at  timestamptz NOT NULL DEFAULT now(),
	expires_at  timestamptz NOT NULL,
	used_at     timestamptz
);

-- An API token has one role, reaches some groups, and never more than its maker at the moment of use. The
-- token that made it takes it along when it is revoked. Tokens of before reach what they did: everything.
ALTER TABLE tokens
	ADD COLUMN groups text[],
	ADD COLUMN maker uuid REFERENCES people (id) ON DELETE CASCADE,
	ADD COLUMN parent uuid REFERENCES tokens (id) ON DELETE CASCADE,
	DROP CONSTRAINT tokens_role_check,
	ADD CONSTRAINT tokens_role_check CHECK
		(role IN ('viewer', 'analyst', 'author', 'approver', 'admin', 'gitops', 'auditor'));
UPDATE tokens SET groups = '{*}' WHERE kind = 'api';
ALTER TABLE tokens ADD CONSTRAINT tokens_groups_check CHECK
	(kind <> 'api' OR (groups IS NOT NULL AND cardinality(groups) BETWEEN 1 AND 32));
CREATE INDEX tokens_maker ON tokens (maker) WHERE maker IS NOT NULL;
CREATE INDEX tokens_parent ON tokens (parent) WHERE parent IS NOT NULL;

-- What admins did, and were refused to do. Written in the transaction of the deed, never changed.
CREATE TABLE audit (
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	xact     xid8 NOT NULL DEFAULT pg_current_xact_id(),
	at       timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor    text NOT NULL,                  -- a person's or a token's name; '' when nobody was signed in
	person   text NOT NULL DEFAULT '',       -- ids
	token    text NOT NULL DEFAULT '',
	session  text NOT NULL DEFAULT '',
	address  text NOT NULL DEFAULT '',
	request  text NOT NULL DEFAULT '',
	action   text NOT NULL,                  -- "POST /api/v1/people", as in the route table
	object   text NOT NULL DEFAULT '',
	outcome  text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
	code     text NOT NULL DEFAULT '',       -- of the problem
	count    bigint NOT NULL DEFAULT 1,      -- equal refusals of some seconds are one row
	was      text NOT NULL DEFAULT '',       -- JSON, secrets left out
	became   text NOT NULL DEFAULT ''
);
CREATE INDEX audit_order ON audit (xact, id);

-- The chain over committed rows of audit: mac = HMAC-SHA256(key, previous mac, sequence, every column),
-- under a key that the database does not have.
CREATE TABLE audit_chain (
	sequence bigint PRIMARY KEY CHECK (sequence > 0),
	xact     xid8 NOT NULL,                  -- of the row, as the next: where chaining goes on
	row      bigint NOT NULL UNIQUE,
	mac      bytea NOT NULL CHECK (octet_length(mac) = 32)
);
