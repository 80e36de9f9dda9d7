/* The one way groups narrow a query: every list, count and look-up of what belongs to a group has
 * SRV_IN_SCOPE in its WHERE and SRV_SCOPE among its parameters.
 *
 *	"SELECT ... FROM devices WHERE " SRV_IN_SCOPE("group_name", "$2"), ..., SRV_SCOPE(filter->scope)
 *
 * The scope is a set as server/role.h has it. NULL reaches nothing, so what was forgotten shows nothing. */
#ifndef SERVER_STORE_SCOPE_H
#define SERVER_STORE_SCOPE_H

#include "server/db.h"

#define SRV_IN_SCOPE(column, parameter) \
	"('*' = ANY (" parameter "::text[]) OR " column " = ANY (" parameter "::text[])) "
#define SRV_SCOPE(scope) SRV_TEXT(scope)

#endif
