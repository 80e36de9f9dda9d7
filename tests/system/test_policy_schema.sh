#!/bin/bash
# The policy language's corpus through docs/policy.schema.json and a JSON Schema validator that is not ours.
set -eu
cd "$(dirname "$0")/../policy"
command -v npm > /dev/null || { echo "no npm on this machine"; exit 77; }
npm ci --no-audit --no-fund --loglevel=error
node schema.mjs
