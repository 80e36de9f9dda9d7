/* Words for what events carry as numbers, for people and for the server. Never freed. */
#ifndef AGENT_WORDS_H
#define AGENT_WORDS_H

#include <stdint.h>

/* "mmio", "io", "wrmsr", ... for a KVM_EXIT_* number; "" for 0, "other" for one without a word. */
const char *agent_exit_word(uint32_t reason);
/* "running", "booting", ...; "ended" for 0. enum mv_state. */
const char *agent_state_word(uint32_t state);
/* Why a micro-VM ended, as half a sentence. enum mv_end. */
const char *agent_end_text(uint32_t end);

#endif
