/* All subcommands. Enumerations of option places live with their handlers, in the order given here. */
#include "server/ctl/ctl.h"

#define CTL_ROLES "viewer, analyst, author, approver, admin, gitops or auditor"

static const struct ctl_option login_options[] = {
	{"--server", "URL", "https://HOST:PORT of the server"},
	{"--ca", "FILE", "the server's CA certificate (ca.pem of its state folder)"},
	{"--token-file", "FILE", "read the API token from FILE instead of stdin"},
	{"--name", "NAME", "sign in as this person; the password comes from stdin"},
	{0},
};
static const struct ctl_option person_add_options[] = {
	{"--role", "ROLE", "what the person may do (" CTL_ROLES ")"},
	{"--groups", "GROUPS", "in which groups: a,b or all (all)"},
	{0},
};
static const struct ctl_option person_role_options[] = {
	{"--groups", "GROUPS", "in which groups: a,b or all (all)"},
	{"--remove", NULL, "take the role away"},
	{0},
};
static const struct ctl_option audit_options[] = {
	{"--limit", "N", "at most N rows, the newest (50)"},
	{"--actor", "NAME", "only by this person or token"},
	{"--action", "TEXT", "only what begins so: \"POST /api/v1/people\""},
	{"--outcome", "OUTCOME", "only done, refused or failed ones"},
	{0},
};
static const struct ctl_option apply_options[] = {
	{"--group", "GROUP", "for which group (default)"},
	{"--wait", NULL, "wait until every connected device that it concerns applied it"},
	{"--timeout", "SECONDS", "how long to wait (60)"},
	{"--layers", NULL, "FILE is documents that are laid on each other, for all groups"},
	{"--git", NULL, "with --layers: from now on only changed with --git"},
	{0},
};
static const struct ctl_option git_options[] = {
	{"--git", NULL, "for a document that is managed in git"},
	{0},
};
static const struct ctl_option rules_options[] = {
	{"--group", "GROUP", "of which group (default)"},
	{"--device", "ID", "of this device's group, with the exceptions for it"},
	{"--user", "USER", "with the exceptions for this account"},
	{"--serial", "SERIAL", "of this version (the newest)"},
	{0},
};
static const struct ctl_option exception_options[] = {
	{"--until", "TIME", "when it ends, as 2026-12-24T00:00:00Z"},
	{"--reason", "TEXT", "why"},
	{"--id", "ID", "a name for it (exc- and a number)"},
	{"--git", NULL, "it is managed in git"},
	{"--dry", NULL, "only say what would change"},
	{0},
};
static const struct ctl_option parent_options[] = {
	{"--parent", "GROUP", "below which group (a root)"},
	{0},
};
static const struct ctl_option group_options[] = {
	{"--group", "GROUP", "of which group"},
	{0},
};
static const struct ctl_option device_options[] = {
	{"--group", "GROUP", "only this group"},
	{"--state", "STATE", "only connected, offline or revoked ones"},
	{0},
};
static const struct ctl_option event_options[] = {
	{"--limit", "N", "at most N events, the newest (50)"},
	{"--follow", NULL, "go on and print events as they come, until interrupted"},
	{"--after", "CURSOR", "those after this cursor, oldest first"},
	{"--device", "ID", "only of this device"},
	{"--group", "GROUP", "only of this group"},
	{"--vm", "ID", "only of this micro-VM"},
	{"--rule", "RULE", "only by this rule"},
	{"--class", "CLASS", "only of this class (file, net, machine, ...)"},
	{"--verdict", "VERDICT", "only with this verdict"},
	{"--user", "USER", "only of this user"},
	{"--task", "TASK", "only of this task"},
	{0},
};
static const struct ctl_option trust_options[] = {
	{"--note", "TEXT", "whose key it is"},
	{0},
};
static const struct ctl_option enrol_options[] = {
	{"--group", "GROUP", "the group that devices join (default)"},
	{"--uses", "N", "how many devices may use it (1)"},
	{"--ttl", "SECONDS", "how long it is good (3600)"},
	{"--name", "TEXT", "a name to find it again"},
	{0},
};
static const struct ctl_option api_options[] = {
	{"--role", "ROLE", CTL_ROLES},
	{"--ttl", "SECONDS", "how long it is good (for ever)"},
	{"--name", "TEXT", "who will use it"},
	{"--groups", "GROUPS", "in which groups: a,b (all that you reach)"},
	{0},
};

const struct ctl_command ctl_commands[] = {
	{"login", "--server URL --ca FILE [--token-file FILE | --name NAME]",
	 "Remembers the server, its CA and an API token, after asking the server who it belongs "
	 "to.\n"
	 "With --name it asks for the password (and a code, when one is needed) and remembers the\n"
	 "session, which ends by itself. The token is read from stdin, never from the command "
	 "line. It is kept, readable by you\n"
	 "alone, in $XDG_CONFIG_HOME/ampoule/ (~/.config/ampoule/).",
	 login_options, 0, 0, ctl_login},
	{"logout", "", "Ends the session that login --name began.", NULL, 0, 0, ctl_logout},
	{"whoami", "", "Says which server and token are in use, and what the token may do.", NULL,
	 0, 0, ctl_whoami},
	{"policy apply",
	 "FILE [--group GROUP] [--wait] [--timeout SECONDS] | FILE --layers [--git]",
	 "Makes FILE the policy of a group: checked, its own tests run, signed and pushed. "
	 "Findings\n"
	 "are printed as FILE:LINE:COLUMN: PATH: TEXT and nothing changes. A document that is the\n"
	 "group's policy already makes no new version.",
	 apply_options, 1, 1, ctl_policy_apply},
	{"policy get", "[SERIAL] [--group GROUP]",
	 "Prints the document of a version, the newest when no serial is given.", group_options, 0,
	 1, ctl_policy_get},
	{"policy ls", "[--group GROUP]", "Lists the versions of policies, newest first.",
	 group_options, 0, 0, ctl_policy_ls},
	{"policy check", "FILE",
	 "Says what is wrong with the documents of FILE, what their tests say on every group, and "
	 "what\n"
	 "would change, rule by rule, for which devices. Nothing is stored.",
	 NULL, 1, 1, ctl_policy_check},
	{"policy test", "FILE", "The same as policy check.", NULL, 1, 1, ctl_policy_check},
	{"policy export", "[ID]", "Prints all documents that are stored as layers, or one.", NULL,
	 0, 1, ctl_policy_export},
	{"policy history", "ID", "Lists the revisions of a document.", NULL, 1, 1,
	 ctl_policy_history},
	{"policy rollback", "ID REVISION [--git]",
	 "Puts an old revision of a document in force again, under a new revision and higher "
	 "serials.",
	 git_options, 2, 2, ctl_policy_rollback},
	{"policy rm", "ID [--git]", "Takes a document away; its history stays.", git_options, 1, 1,
	 ctl_policy_rm},
	{"policy diff", "FROM [TO] [--group GROUP]",
	 "Says what differs between two serials of a group, by rules and not by lines.",
	 group_options, 1, 2, ctl_policy_diff},
	{"policy rules", "[--group GROUP] [--device ID] [--user USER] [--serial SERIAL]",
	 "Lists what is in force in the order of deciding, with the document and line of each "
	 "rule.",
	 rules_options, 0, 0, ctl_policy_rules},
	{"exception from-event", "--until TIME --reason TEXT [--id ID] [--git] [--dry]",
	 "Reads an event from stdin, as `event ls --json` prints it, and lets its user on its "
	 "device have\n"
	 "what was refused, until TIME.",
	 exception_options, 0, 0, ctl_exception_from_event},
	{"group ls", "", "Lists the tree of groups.", NULL, 0, 0, ctl_group_ls},
	{"group put", "NAME [--parent GROUP]", "Makes a group, or moves it in the tree.",
	 parent_options, 1, 1, ctl_group_put},
	{"device ls", "[ID] [--group GROUP] [--state STATE]",
	 "Lists devices with the policy they should and do apply; with ID, one in detail.",
	 device_options, 0, 1, ctl_device_ls},
	{"event ls", "[--limit N] [--follow] [--after CURSOR] [FILTER...]",
	 "Lists what micro-VMs tried and what the policy said to it, oldest first. With --follow "
	 "and\n"
	 "--json, one JSON object per line.",
	 event_options, 0, 0, ctl_event_ls},
	{"image push", "DIR",
	 "Uploads a golden image made by ampoule-image: manifest.json, manifest.sig and the files "
	 "they\n"
	 "name, those that the server does not have.",
	 NULL, 1, 1, ctl_image_push},
	{"image ls", "", "Lists images and whether all their files are there.", NULL, 0, 0,
	 ctl_image_ls},
	{"image trust", "[HEX] [--note TEXT]",
	 "Trusts an image builder's public key: images signed with it are taken, and devices that\n"
	 "enrol from now on believe it. Without HEX, lists the trusted keys.",
	 trust_options, 0, 1, ctl_image_trust_key},
	{"person add", "NAME --role ROLE [--groups GROUPS]",
	 "Adds a person who may sign in. The password is read from stdin, never from the command "
	 "line.",
	 person_add_options, 1, 1, ctl_person_add},
	{"person ls", "", "Lists people and what they may do.", NULL, 0, 0, ctl_person_ls},
	{"person role", "NAME ROLE [--groups GROUPS] [--remove]",
	 "Gives a person a role, sets its groups, or takes it away. Counts from the next request "
	 "on.",
	 person_role_options, 2, 2, ctl_person_role},
	{"person disable", "NAME",
	 "Ends the person's sessions, stops the tokens the person made, and lets nobody sign in by "
	 "that name.",
	 NULL, 1, 1, ctl_person_disable},
	{"person enable", "NAME", "Undoes person disable.", NULL, 1, 1, ctl_person_enable},
	{"audit ls", "[--limit N] [--actor NAME] [--action TEXT] [--outcome OUTCOME]",
	 "Lists what admins did and were refused to do, oldest first.", audit_options, 0, 0,
	 ctl_audit_ls},
	{"audit verify", "",
	 "Checks that no row of the audit log was changed, removed or put in, and remembers its "
	 "end, so\n"
	 "that the next time a log that was cut off shows. Exit status 1 when it is not whole.",
	 NULL, 0, 0, ctl_audit_verify},
	{"token new enrol", "[--group GROUP] [--uses N] [--ttl SECONDS] [--name TEXT]",
	 "Makes an enrolment token and prints it, once, for: ampoule-agent enrol.", enrol_options,
	 0, 0, ctl_token_new_enrol},
	{"token new api", "--role ROLE [--groups GROUPS] [--ttl SECONDS] [--name TEXT]",
	 "Makes an API token and prints it, once, for: ampoulectl login.", api_options, 0, 0,
	 ctl_token_new_api},
	{"token ls", "", "Lists tokens; never their secrets.", NULL, 0, 0, ctl_token_ls},
	{"token revoke", "ID", "Makes a token useless from now on.", NULL, 1, 1, ctl_token_revoke},
};
const size_t ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);
