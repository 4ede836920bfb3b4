"""Three years of a freelancer's books, in the formats that their tools export.

Deterministic: the same size gives the same file contents on any machine and day.
"""

from ingestion.sample_data.exports import DEFAULT_SIZE, FIRST_DAY, LAST_DAY, write_sample_data

__all__ = ["DEFAULT_SIZE", "FIRST_DAY", "LAST_DAY", "write_sample_data"]
