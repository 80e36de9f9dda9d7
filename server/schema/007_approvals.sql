-- Four eyes: what a second person must agree to. digest covers the request, what it would change and the devices it
-- reaches: the same request is let through once while it is approved and its digest is still this one.
CREATE TABLE approvals (
	id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
	action      text NOT NULL,              -- "POST /api/v1/people", as in the route table
	object      text NOT NULL DEFAULT '',   -- the request's path
	summary     text NOT NULL,              -- JSON: the request's fields, secrets left out
	devices     bigint NOT NULL DEFAULT 0,  -- how many it reaches
	reason      text NOT NULL DEFAULT '',   -- of the decision
	author      text NOT NULL,              -- id of the person; of a token its maker's, else the token's
	author_name text NOT NULL,
	concerns    text NOT NULL DEFAULT '',   -- id of the person it is about, who cannot agree either
	state       text NOT NULL DEFAULT 'waiting'
		CHECK (state IN ('waiting', 'approved', 'refused', 'used', 'emergency')),
	decided_by  text NOT NULL DEFAULT '',   -- id of the person
	decided_by_name text NOT NULL DEFAULT '',
	decided_at  timestamptz,
	reviewed_by_name text NOT NULL DEFAULT '',
	reviewed_at timestamptz,                -- of an emergency
	used_at     timestamptz,
	emergency   boolean NOT NULL DEFAULT false,
	made_at     timestamptz NOT NULL DEFAULT now(),
	expires_at  timestamptz NOT NULL DEFAULT now() + interval '3 days'
);
CREATE INDEX approvals_digest ON approvals (digest);
CREATE INDEX approvals_made ON approvals (made_at, id);

-- Four eyes are asked for from the moment on that two people can agree, and stay so whoever is disabled later, until
-- they are switched off with an approval: else one admin could switch them off by disabling an approver.
CREATE FUNCTION four_eyes_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT count(DISTINCT g.person) FROM grants g JOIN people p ON p.id = g.person WHERE g.role = 'approver'
	    AND '*' = ANY (g.groups) AND p.disabled_at IS NULL) >= 2 THEN
		INSERT INTO meta VALUES ('four_eyes', 'on') ON CONFLICT (key) DO NOTHING;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER four_eyes_begin AFTER INSERT OR UPDATE ON grants
	FOR EACH STATEMENT EXECUTE FUNCTION four_eyes_begin();
