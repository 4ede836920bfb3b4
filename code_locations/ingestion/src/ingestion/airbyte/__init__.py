"""Airbyte connections, declared as data and run by a local connector or on a server.

- `loader` is the interface to the rest; `connection` reads the declarations.
- A local connector: `connectors` installs its environment, `environments` finds it, `process` runs
  it, `messages` and `protocol` exchange messages with it, `redaction` finds its secrets.
- A sync: `source` discovers the streams, or takes them from what was `remembered`; `targets` are
  the tables; `reading` reads the streams; `records`, `conversion` and `columns` turn them into
  Parquet; `state` keeps where the next sync resumes; `sync` commits rows and state together.
- `server` does the same on an Airbyte server; `interrupts` keeps Ctrl-C working in both.
"""
