#!/usr/bin/env bash
# Print the path of the machine's Chromium: CHROMIUM, or what PATH has.
set -euo pipefail
for name in ${CHROMIUM:-} chromium chromium-browser google-chrome; do
    if command -v "$name"; then exit; fi
done
echo "chromium: not found; install it, or name it in CHROMIUM" >&2
exit 1
