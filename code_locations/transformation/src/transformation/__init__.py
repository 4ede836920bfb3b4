"""Code location: transformation."""
