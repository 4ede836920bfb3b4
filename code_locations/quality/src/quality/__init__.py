"""Code location: quality."""
