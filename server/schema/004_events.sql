-- Events by day of arrival, what may be asked of them quickly, and which policies a device can have had.

-- Every group that a device was ever in: an event that names a policy of none of them is not believed.
CREATE TABLE device_groups (
	device     uuid NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
	group_name text NOT NULL,
	since      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (device, group_name)
);
INSERT INTO device_groups (device, group_name, since) SELECT id, group_name, enrolled_at FROM devices;
CREATE FUNCTION devices_remember_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO device_groups (device, group_name) VALUES (NEW.id, NEW.group_name) ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
CREATE TRIGGER devices_remember_group AFTER INSERT OR UPDATE OF group_name ON devices
	FOR EACH ROW EXECUTE FUNCTION devices_remember_group();

-- The table of before becomes the first partition, up to the end of this day; nothing is copied.
ALTER TABLE events RENAME TO events_first;
ALTER INDEX events_order RENAME TO events_first_order;
ALTER INDEX events_device RENAME TO events_first_device;
ALTER INDEX events_received RENAME TO events_first_received;
ALTER TABLE events_first ALTER COLUMN id DROP IDENTITY;
ALTER TABLE events_first DROP CONSTRAINT events_pkey;
CREATE SEQUENCE events_id;
SELECT setval('events_id', coalesce((SELECT max(id) FROM events_first), 0) + 1, false);
ALTER TABLE events_first ALTER COLUMN id SET DEFAULT nextval('events_id');
CREATE TABLE events (LIKE events_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (received_at);
ALTER SEQUENCE events_id OWNED BY events.id;
CREATE INDEX events_order ON events (xact, id);
CREATE INDEX events_device ON events (device, xact, id);
CREATE INDEX events_group ON events (group_name, xact, id);
CREATE INDEX events_rule ON events (rule, xact, id);
CREATE INDEX events_received ON events USING brin (received_at);
DROP INDEX events_first_device;
DO $$
BEGIN
	EXECUTE format('ALTER TABLE events ATTACH PARTITION events_first FOR VALUES FROM (MINVALUE) TO (%L)',
		(date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC');
END $$;

-- What the server keeps about its events. "gone" is the last place that a dropped partition had: a reader whose
-- cursor is before it has missed something. A restored database has a higher epoch: cursors of before are void.
CREATE TABLE event_log (
	only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
	epoch     bigint NOT NULL DEFAULT 1,
	gone_xact xid8 NOT NULL DEFAULT '0',
	gone_id   bigint NOT NULL DEFAULT 0
);
INSERT INTO event_log DEFAULT VALUES;

-- The partitions there are, oldest first, with the end of their day.
CREATE VIEW event_days AS
	SELECT c.oid AS relation, c.relname AS name,
	       (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz AS ends_at,
	       pg_total_relation_size(c.oid) AS bytes
	FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = 'events'::regclass ORDER BY ends_at;

-- Makes the partitions of this day and the next seven. A table is made first and attached then, which locks out
-- no reader or writer of events.
CREATE FUNCTION events_prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	day timestamp := date_trunc('day', now() AT TIME ZONE 'UTC');
	covered timestamptz := (SELECT max(ends_at) FROM event_days);
	name text;
BEGIN
	IF covered > now() + interval '6 days' THEN
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(x'414d504f554c4532'::bigint);
	FOR i IN 0..7 LOOP
		name := to_char(day + i * interval '1 day', '"events_"YYYYMMDD');
		IF (day + i * interval '1 day') AT TIME ZONE 'UTC' < (SELECT max(ends_at) FROM event_days)
				OR to_regclass(name) IS NOT NULL THEN
			CONTINUE;
		END IF;
		EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
		EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
			(day + i * interval '1 day') AT TIME ZONE 'UTC', (day + (i + 1) * interval '1 day') AT TIME ZONE 'UTC');
	END LOOP;
END $$;
SELECT events_prepare();

-- Drops whole days: those that ended longer ago than `days`, and the oldest of those that are over while all of
-- them together have more than `budget` bytes (0: no budget). Their number.
CREATE FUNCTION events_retain(days integer, budget bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	part record;
	total bigint := (SELECT coalesce(sum(bytes), 0) FROM event_days);
	last record;
	dropped integer := 0;
BEGIN
	PERFORM pg_advisory_xact_lock(x'414d504f554c4532'::bigint);
	FOR part IN SELECT * FROM event_days WHERE ends_at <= now() LOOP
		CONTINUE WHEN part.ends_at > now() - make_interval(days => days) AND (budget = 0 OR total <= budget);
		EXECUTE format('SELECT xact, id FROM %I ORDER BY xact DESC, id DESC LIMIT 1', part.name) INTO last;
		IF last.id IS NOT NULL THEN
			UPDATE event_log SET gone_xact = last.xact, gone_id = last.id
			WHERE (last.xact, last.id) > (gone_xact, gone_id);
		END IF;
		EXECUTE format('DROP TABLE %I', part.name);
		total := total - part.bytes;
		dropped := dropped + 1;
	END LOOP;
	DELETE FROM events_quarantine WHERE received_at < now() - make_interval(days => days);
	DELETE FROM events_minutes WHERE minute < now() - make_interval(days => days);
	RETURN dropped;
END $$;

-- How many events came in a minute, by what can be asked without looking at each. Every instance writes rows of
-- its own, so that none waits for another's; readers add them up. "total" counts what events stand for.
CREATE TABLE events_minutes (
	minute     timestamptz NOT NULL,
	writer     uuid NOT NULL,
	group_name text NOT NULL,
	class      text NOT NULL,
	verdict    text NOT NULL,
	severity   text NOT NULL,
	audit      boolean NOT NULL,
	rule       text NOT NULL,
	task       text NOT NULL,
	events     bigint NOT NULL,
	total      bigint NOT NULL,
	PRIMARY KEY (minute, writer, group_name, class, verdict, severity, audit, rule, task)
) WITH (fillfactor = 50);
INSERT INTO events_minutes
	SELECT date_trunc('minute', received_at), '00000000-0000-0000-0000-000000000000'::uuid, group_name, class, verdict,
	       severity, audit, rule, task, count(*), least(sum(greatest(count, 0)), 9223372036854775807)::bigint
	FROM events GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
CREATE INDEX events_quarantine_received ON events_quarantine (received_at);

-- A connected device was last seen when its instance's heart beat last.
CREATE OR REPLACE VIEW device_overview AS
	SELECT d.id, d.hostname, d.group_name, d.machine_id, d.version, d.isolation,
	       CASE WHEN d.state = 'revoked' THEN 'revoked'
	            WHEN i.heartbeat_at > now() - interval '90 seconds' THEN 'connected'
	            ELSE 'offline' END AS state,
	       greatest(d.last_seen, i.heartbeat_at) AS last_seen, d.enrolled_at, d.certificate_expires,
	       p.policy_id AS desired_policy, p.serial AS desired_serial, p.digest AS desired_digest,
	       s.received_serial, s.received_digest, s.received_at,
	       s.applied_serial, s.applied_digest, s.applied_at,
	       s.failed_serial, s.failed_digest, s.failed_reason, s.failed_at
	FROM devices d
	LEFT JOIN instances i ON i.id = d.instance
	LEFT JOIN device_policy_state s ON s.device = d.id
	LEFT JOIN LATERAL (SELECT policy_id, serial, digest FROM policies
		WHERE group_name = d.group_name ORDER BY serial DESC LIMIT 1) p ON true;
