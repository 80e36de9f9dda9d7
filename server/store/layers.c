#include "server/store/layers.h"

#define COLUMNS "id, revision, kind, group_name, until, managed, created_by, created_at, document"

int srv_layers_lock(struct srv_conn *conn, struct err *err)
{
	return srv_query(conn, NULL, err, "LOCK TABLE layers IN SHARE ROW EXCLUSIVE MODE");
}

int srv_layers_newest(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT " COLUMNS " FROM (SELECT DISTINCT ON (id) * FROM layers ORDER BY "
			 "id, revision DESC) newest WHERE document IS NOT NULL ORDER BY id");
}

int srv_layers_history(struct srv_conn *conn, const char *id, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT " COLUMNS " FROM layers WHERE id = $1 ORDER BY revision DESC "
			 "LIMIT $2::int8",
			 SRV_TEXT(id), SRV_INT(limit));
}

int srv_layers_add(struct srv_conn *conn, const struct srv_new_layer *layer, struct err *err)
{
	return srv_query(
		conn, NULL, err,
		"INSERT INTO layers (id, revision, kind, group_name, until, document, managed, "
		"created_by) SELECT $1, coalesce(max(revision), 0) + 1, $2, $3, "
		"CASE WHEN $4::int8 > 0 THEN to_timestamp($4::int8) END, $5, $6, $7 FROM layers "
		"WHERE id = $1",
		SRV_TEXT(layer->id), SRV_TEXT(layer->kind), SRV_TEXT(layer->group),
		SRV_INT(layer->until_s),
		layer->document ? SRV_BYTES(layer->document, layer->document_bytes) : SRV_NULL,
		SRV_TEXT(layer->managed), SRV_TEXT(layer->created_by));
}

int srv_groups_ways(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "WITH RECURSIVE way (name, above, depth) AS ("
			 "SELECT name, name, 0 FROM groups UNION ALL "
			 "SELECT way.name, g.parent, depth + 1 FROM way JOIN groups g "
			 "ON g.name = way.above WHERE g.parent IS NOT NULL AND depth < 64) "
			 "SELECT name, above FROM way ORDER BY name, depth DESC");
}

int srv_groups_put(struct srv_conn *conn, const char *name, const char *parent, struct err *err)
{
	return srv_query(conn, NULL, err,
			 "INSERT INTO groups (name, parent) VALUES ($1, $2) ON CONFLICT (name) DO "
			 "UPDATE SET parent = excluded.parent",
			 SRV_TEXT(name), SRV_TEXT(parent));
}

int srv_groups_list(struct srv_conn *conn, struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err, "SELECT name, parent FROM groups ORDER BY name");
}

int srv_groups_devices(struct srv_conn *conn, const char *group, int64_t limit,
		       struct srv_rows **ret_rows, struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT hostname, count(*) OVER () FROM devices WHERE group_name = $1 AND "
			 "state = 'active' ORDER BY hostname LIMIT $2::int8",
			 SRV_TEXT(group), SRV_INT(limit));
}

int srv_groups_of_device(struct srv_conn *conn, const char *device, struct srv_rows **ret_rows,
			 struct err *err)
{
	return srv_query(conn, ret_rows, err,
			 "SELECT group_name, hostname FROM devices WHERE id::text = $1",
			 SRV_TEXT(device));
}
