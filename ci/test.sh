#!/usr/bin/env bash
# The tests that need no cluster, with the long profile of the property tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Those of a browser are left out where there is none.
if chromium=$(scripts/chromium.sh); then export CHROMIUM=$chromium; fi
HYPOTHESIS_PROFILE=ci make test
