#!/bin/bash
# The whole story, step by step, as a test: server, endpoint, hostile script, policy change, two users, lost server.
exec "$(dirname "$0")/../story/play"
