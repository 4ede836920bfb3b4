"""`python -m ingestion.sample_data`, for the Job that fills a cluster's bucket."""

from ingestion.sample_data.cli import sample_data

sample_data()
