-- Devices: what admins call them, how they are, how they come and end.

-- waiting: joined with a token that needs approval; quarantined: two copies of it are about; retired: gone for good
-- and shown only on demand. Only active ones are spoken to.
ALTER TABLE devices
	DROP CONSTRAINT devices_state_check,
	ADD CONSTRAINT devices_state_check CHECK
		(state IN ('active', 'waiting', 'quarantined', 'revoked', 'retired')),
	ADD COLUMN name text NOT NULL DEFAULT '',
	ADD COLUMN labels text[] NOT NULL DEFAULT '{}' CHECK (cardinality(labels) <= 32),
	ADD COLUMN replaces uuid,                 -- the newest device before it that named the same machine id
	ADD COLUMN told_silent timestamptz,       -- which last_seen an event was made of
	ADD COLUMN told_certificate timestamptz;  -- which certificate_expires
CREATE INDEX devices_machine ON devices (machine_id) WHERE machine_id <> '';

-- What a device last said of itself. Believed as far as it concerns nobody else.
CREATE TABLE device_health (
	device           uuid PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
	reported_at      timestamptz NOT NULL DEFAULT now(),
	clock_skew_ms    bigint NOT NULL,         -- the device's clock less ours, when it was received
	link_version     text NOT NULL,
	microvisor       text NOT NULL,
	kernel           text NOT NULL,
	isolation_reason text NOT NULL,           -- why no micro-VM can be made; '' when one can
	images           integer NOT NULL,        -- that the policy names
	images_ready     integer NOT NULL,
	templates        integer NOT NULL,
	templates_ready  integer NOT NULL,
	running          integer NOT NULL,        -- micro-VMs
	backlog          bigint NOT NULL,         -- events that wait
	backlog_since    timestamptz              -- the oldest of them, by the device's clock
) WITH (fillfactor = 70);

ALTER TABLE tokens ADD COLUMN approval boolean NOT NULL DEFAULT false;

-- After so many seconds without a word a device is called silent.
INSERT INTO meta VALUES ('silent_after_s', '259200') ON CONFLICT DO NOTHING;

CREATE OR REPLACE VIEW device_overview AS
	SELECT d.id, d.hostname, d.group_name, d.machine_id, d.version, d.isolation,
	       CASE WHEN d.state <> 'active' THEN d.state
	            WHEN i.heartbeat_at > now() - interval '90 seconds' THEN 'connected'
	            ELSE 'offline' END AS state,
	       greatest(d.last_seen, i.heartbeat_at) AS last_seen, d.enrolled_at, d.certificate_expires,
	       p.policy_id AS desired_policy, p.serial AS desired_serial, p.digest AS desired_digest,
	       s.received_serial, s.received_digest, s.received_at,
	       s.applied_serial, s.applied_digest, s.applied_at,
	       s.failed_serial, s.failed_digest, s.failed_reason, s.failed_at,
	       d.name, d.labels, d.replaces,
	       (SELECT n.id FROM devices n WHERE n.replaces = d.id ORDER BY n.enrolled_at DESC LIMIT 1) AS replaced_by,
	       h.reported_at, h.clock_skew_ms, h.link_version, h.microvisor, h.kernel, h.isolation_reason, h.images,
	       h.images_ready, h.templates, h.templates_ready, h.running, h.backlog, h.backlog_since
	FROM devices d
	LEFT JOIN instances i ON i.id = d.instance
	LEFT JOIN device_policy_state s ON s.device = d.id
	LEFT JOIN device_health h ON h.device = d.id
	LEFT JOIN LATERAL (SELECT policy_id, serial, digest FROM policies
		WHERE group_name = d.group_name ORDER BY serial DESC LIMIT 1) p ON true;
CREATE INDEX devices_replaces ON devices (replaces) WHERE replaces IS NOT NULL;
