"""Code location: ingestion."""
