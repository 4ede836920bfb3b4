"""The first stage of a remediation: keeps failing rows, and loads their raw tables anew."""
