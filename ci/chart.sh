#!/usr/bin/env bash
# What the chart, the environments and the promotion between them are tested by, without a cluster.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(scripts/tools.sh helm kind kubectl promtool)
export PATH=$PATH:$tools
make test-chart
