# The endpoint: the agent (root), the link (own uid), the helper (the user's uid), the user's command.
$(call lib,agentcommon,agent)
$(call lib,agent,agent/agent)
$(call lib,link,agent/link)
$(call lib,helper,agent/helper)
$(call program,ampoule-agent,agent/agent,agentcommon policy proto arbiter common,-ljansson -lyaml -lsqlite3 -lprotobuf-c -lcrypto)
$(call program,ampoule-link,agent/link,agentcommon policy proto arbiter common,-lprotobuf-c -lssl -lcrypto -lzstd)
$(call program,ampoule-helper,agent/helper,agentcommon common)
$(call program,ampoule,agent/cli,agentcommon policy common,-ljansson)
# A user waits for it, and one waits beside each task: without libraries of its own it starts sooner and is a third as large.
$(call static,ampoule)
$(call needs-generated,agent/agent agent/link)
$(call unit,agent,agent link helper agentcommon policy proto arbiter common,-ljansson -lyaml -lsqlite3 -lprotobuf-c -lssl -lcrypto -lzstd)
$(call fuzz,delta,agentcommon common)
$(call program,sign-policy,tests/support/sign-policy,proto common,-lprotobuf-c -lcrypto)
$(call needs-generated,tests/support/sign-policy tests/unit/agent)
$(O)/tests/unit/agent/test_opener $(O)/tests/unit/agent/test_keep $(O)/tests/unit/agent/test_recover: | $(O)/bin/ampoule-helper # which they start
