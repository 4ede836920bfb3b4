"""Code location: catalog."""
