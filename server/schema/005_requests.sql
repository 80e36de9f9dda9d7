-- Requests that may be sent again: what the first one with an Idempotency-Key was answered. Written in the deed's
-- own transaction, so that there is no answer without the deed. The answer may hold a secret that is shown once:
-- it is sealed under a key made of the server's and of the client's, and the client's is not here.
CREATE TABLE repeats (
	caller     text NOT NULL,              -- id of the person or the token
	key_hash   bytea NOT NULL CHECK (octet_length(key_hash) = 32),
	request    bytea NOT NULL CHECK (octet_length(request) = 32), -- keyed hash of route and body
	status     integer NOT NULL DEFAULT 0,
	answer     bytea,                      -- NULL: too long to be kept
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (caller, key_hash)
);
CREATE INDEX repeats_age ON repeats (created_at);
