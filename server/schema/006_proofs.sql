-- A session whose person has shown again who it is: what changes how one signs in wants that to be young.
ALTER TABLE sessions ADD COLUMN proved_at timestamptz;
