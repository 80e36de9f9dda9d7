-- Schema 1. PostgreSQL is the only state that the server's instances share.
-- Digests are fs-verity SHA-256 digests (common/digest.h) unless a column says "sha256".

CREATE TABLE meta (
	key   text PRIMARY KEY,
	value text NOT NULL
);
COMMENT ON TABLE meta IS 'One row per fact about the installation: "installation" (its UUID), "set_up_at".';
INSERT INTO meta VALUES ('installation', gen_random_uuid()::text);

CREATE TABLE groups (
	name       text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
	created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO groups (name) VALUES ('default');

-- Public keys that enrolment tokens pin: of ampoule-signer ("policy") and of image builders ("image").
CREATE TABLE trusted_keys (
	purpose  text NOT NULL CHECK (purpose IN ('policy', 'image')),
	key      bytea NOT NULL CHECK (octet_length(key) = 32),
	note     text NOT NULL DEFAULT '',
	added_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (purpose, key)
);

-- Secrets are 32 random bytes; only their SHA-256 is kept. A token is usable while it is not revoked, not
-- expired and, when it is for enrolment, uses_left > 0.
CREATE TABLE tokens (
	id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	kind         text NOT NULL CHECK (kind IN ('enrol', 'api')),
	secret_hash  bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
	name         text NOT NULL DEFAULT '',
	role         text CHECK (role IN ('admin', 'viewer')),
	group_name   text REFERENCES groups (name),
	uses         integer CHECK (uses > 0),
	uses_left    integer CHECK (uses_left >= 0),
	expires_at   timestamptz,
	created_at   timestamptz NOT NULL DEFAULT now(),
	created_by   text NOT NULL DEFAULT '',
	last_used_at timestamptz,
	revoked_at   timestamptz,
	CHECK (kind <> 'enrol' OR (group_name IS NOT NULL AND uses_left IS NOT NULL AND expires_at IS NOT NULL)),
	CHECK (kind <> 'api' OR role IS NOT NULL)
);

-- A serving process. A device is connected while its instance's heartbeat is young, so that an instance
-- killed without a word leaves nobody "connected".
CREATE TABLE instances (
	id           uuid PRIMARY KEY,
	started_at   timestamptz NOT NULL DEFAULT now(),
	heartbeat_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE devices (
	id                  uuid PRIMARY KEY,
	group_name          text NOT NULL REFERENCES groups (name),
	state               text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'revoked')),
	hostname            text NOT NULL,
	machine_id          text NOT NULL DEFAULT '',
	version             text NOT NULL DEFAULT '',
	isolation           boolean NOT NULL DEFAULT false,
	enrol_token         uuid REFERENCES tokens (id) ON DELETE SET NULL,
	enrolled_at         timestamptz NOT NULL DEFAULT now(),
	certificate_expires timestamptz NOT NULL,
	-- The counter of Hello and Welcome: what the device said last, and what it was told to say next.
	counter_said        bigint NOT NULL DEFAULT 0,
	counter_offered     bigint NOT NULL DEFAULT 0,
	instance            uuid,
	connected_at        timestamptz,
	last_seen           timestamptz
) WITH (fillfactor = 70);
CREATE INDEX devices_group ON devices (group_name);
CREATE INDEX devices_instance ON devices (instance) WHERE instance IS NOT NULL;

-- Immutable, signed versions. "digest" is that of the envelope, as announced to devices.
CREATE TABLE policies (
	group_name text NOT NULL REFERENCES groups (name),
	serial     bigint NOT NULL CHECK (serial > 0),
	policy_id  text NOT NULL,
	name       text NOT NULL DEFAULT '',
	document   bytea NOT NULL,
	envelope   bytea NOT NULL,
	digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
	created_by text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (group_name, serial)
);

-- Wakes every instance; each then reads the newest serials for itself (and does so every 30 s anyway).
CREATE FUNCTION policies_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('ampoule_policy', NEW.group_name);
	RETURN NULL;
END $$;
CREATE TRIGGER policies_notify AFTER INSERT ON policies FOR EACH ROW EXECUTE FUNCTION policies_notify();

CREATE TABLE device_policy_state (
	device          uuid PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
	received_serial bigint,
	received_digest bytea,
	received_at     timestamptz,
	applied_serial  bigint,
	applied_digest  bytea,
	applied_at      timestamptz,
	failed_serial   bigint,
	failed_digest   bytea,
	failed_reason   text,
	failed_at       timestamptz
);

-- File contents, named by digest, in pieces of 1 MiB (the last one shorter). A blob counts when complete.
CREATE TABLE blobs (
	digest     bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
	bytes      bigint NOT NULL CHECK (bytes >= 0),
	complete   boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE blob_chunks (
	digest  bytea NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
	index   integer NOT NULL CHECK (index >= 0),
	content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
	PRIMARY KEY (digest, index)
);
ALTER TABLE blob_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

-- A golden image: its manifest and its builder's signature, byte for byte. A file's blob may still be
-- missing; the image is served when all of them are complete.
CREATE TABLE images (
	name       text NOT NULL,
	version    bigint NOT NULL CHECK (version > 0),
	manifest   bytea NOT NULL,
	signature  bytea NOT NULL CHECK (octet_length(signature) = 64),
	created_by text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (name, version)
);
CREATE TABLE image_files (
	name    text NOT NULL,
	version bigint NOT NULL,
	file    text NOT NULL,
	digest  bytea NOT NULL CHECK (octet_length(digest) = 32),
	bytes   bigint NOT NULL,
	PRIMARY KEY (name, version, file),
	FOREIGN KEY (name, version) REFERENCES images ON DELETE CASCADE
);
CREATE INDEX image_files_digest ON image_files (digest);
CREATE VIEW complete_images AS
	SELECT i.* FROM images i WHERE NOT EXISTS (
		SELECT FROM image_files f LEFT JOIN blobs b ON b.digest = f.digest AND b.complete
		WHERE f.name = i.name AND f.version = i.version AND b.digest IS NULL);

-- One row per stream of events. Its lock orders the batches of a device, and last_sequence makes every
-- event count exactly once: what is at or below it was stored before.
CREATE TABLE streams (
	device        uuid NOT NULL REFERENCES devices (id),
	stream        bytea NOT NULL CHECK (octet_length(stream) = 16),
	last_sequence bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (device, stream)
) WITH (fillfactor = 70);

-- A reader that pages forward must take only rows with xact < pg_snapshot_xmin(pg_current_snapshot()) and
-- order by (xact, id): rows commit out of id order, and a cursor on id alone would skip late ones.
-- Numbers that are unsigned on the wire (guest_rip, wall_clock_ns, count, dropped, serial) keep their bits.
CREATE TABLE events (
	id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	xact          xid8 NOT NULL DEFAULT pg_current_xact_id(),
	received_at   timestamptz NOT NULL DEFAULT now(),
	device        uuid NOT NULL,
	group_name    text NOT NULL,             -- of the device when the event came in
	stream        bytea NOT NULL,
	sequence      bigint NOT NULL,
	wall_clock_ns bigint NOT NULL,           -- the device's clock, since the epoch
	vm            text NOT NULL,
	task          text NOT NULL,
	user_name     text NOT NULL,
	class         text NOT NULL,
	operation     text NOT NULL,
	object        bytea NOT NULL,
	verdict       text NOT NULL,
	audit         boolean NOT NULL,
	severity      text NOT NULL,
	policy_id     text NOT NULL,
	serial        bigint NOT NULL,
	rule          text NOT NULL,
	exit_reason   text NOT NULL,
	guest_rip     bigint NOT NULL,
	count         bigint NOT NULL,
	dropped       bigint NOT NULL,
	image         text NOT NULL,
	program       text NOT NULL
);
CREATE INDEX events_order ON events (xact, id);
CREATE INDEX events_device ON events (device, id);
CREATE INDEX events_received ON events USING brin (received_at);

-- Events that were refused one by one, kept as they came (a packed Event) with the reason.
CREATE TABLE events_quarantine (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	received_at timestamptz NOT NULL DEFAULT now(),
	device      uuid NOT NULL,
	stream      bytea NOT NULL,
	sequence    bigint NOT NULL,
	reason      text NOT NULL,
	packed      bytea NOT NULL
);

-- What an admin sees of a device: is it there, what should it enforce, what does it enforce.
CREATE VIEW device_overview AS
	SELECT d.id, d.hostname, d.group_name, d.machine_id, d.version, d.isolation,
	       CASE WHEN d.state = 'revoked' THEN 'revoked'
	            WHEN i.heartbeat_at > now() - interval '90 seconds' THEN 'connected'
	            ELSE 'offline' END AS state,
	       d.last_seen, d.enrolled_at, d.certificate_expires,
	       p.policy_id AS desired_policy, p.serial AS desired_serial, p.digest AS desired_digest,
	       s.received_serial, s.received_digest, s.received_at,
	       s.applied_serial, s.applied_digest, s.applied_at,
	       s.failed_serial, s.failed_digest, s.failed_reason, s.failed_at
	FROM devices d
	LEFT JOIN instances i ON i.id = d.instance
	LEFT JOIN device_policy_state s ON s.device = d.id
	LEFT JOIN LATERAL (SELECT policy_id, serial, digest FROM policies
		WHERE group_name = d.group_name ORDER BY serial DESC LIMIT 1) p ON true;
