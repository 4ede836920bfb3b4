"""What the Makefile calls, and no code location needs."""
