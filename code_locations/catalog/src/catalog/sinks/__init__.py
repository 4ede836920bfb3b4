"""Where proposals go: a file, or a DataHub server."""
