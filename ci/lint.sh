#!/usr/bin/env bash
# Every static check, with those that `make lint` leaves out where helm or go is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=$(scripts/tools.sh helm)
export PATH=$PATH:$tools CHART_SCORES=required
make lint
