-- Policies as layers, and the tree of groups that deltas follow.

-- The root of a tree has no parent. A group never lies below itself: groups_no_cycle.
ALTER TABLE groups ADD COLUMN parent text REFERENCES groups (name);

CREATE FUNCTION groups_no_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (WITH RECURSIVE up (name, depth) AS (
			SELECT NEW.parent, 1
			UNION ALL
			SELECT g.parent, depth + 1 FROM groups g JOIN up ON g.name = up.name WHERE depth < 64)
		SELECT 1 FROM up WHERE name = NEW.name OR (depth = 64 AND name IS NOT NULL)) THEN
		RAISE EXCEPTION 'group % would lie below itself, or too deep', NEW.name USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER groups_no_cycle BEFORE INSERT OR UPDATE OF parent ON groups
	FOR EACH ROW WHEN (NEW.parent IS NOT NULL) EXECUTE FUNCTION groups_no_cycle();

-- Documents of the policy language, each with its whole history; the newest revision counts, and one without
-- a document says that it was taken away. What is signed for a group is made of them and stands in policies.
CREATE TABLE layers (
	id         text NOT NULL CHECK (id ~ '^[a-z0-9-]{1,63}$'),
	revision   bigint NOT NULL CHECK (revision > 0),
	kind       text NOT NULL CHECK (kind IN ('base', 'delta', 'exception')),
	group_name text REFERENCES groups (name), -- of a delta
	until      timestamptz,                   -- of an exception
	document   bytea,
	managed    text NOT NULL DEFAULT 'none' CHECK (managed IN ('none', 'git')),
	created_by text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id, revision)
);
