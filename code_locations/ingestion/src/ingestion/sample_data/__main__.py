"""Runs `python -m ingestion.sample_data`."""

import sys

from ingestion.sample_data.cli import main

sys.exit(main())
