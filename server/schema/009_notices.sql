-- What operators are told of, once each: a row is raised while its cause is seen, sent by one instance, and forgotten
-- when its cause is gone.
CREATE TABLE notices (
	kind       text NOT NULL,
	subject    text NOT NULL,             -- which certificate, which approval, which day
	text       text NOT NULL,
	raised_at  timestamptz NOT NULL DEFAULT now(),
	seen_at    timestamptz NOT NULL DEFAULT now(), -- its cause, last
	claimed_at timestamptz,               -- by an instance that sends it
	sent_at    timestamptz,
	PRIMARY KEY (kind, subject)
);
