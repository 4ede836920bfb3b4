"""Airbyte connections, declared as data: by a connector on this machine, or on a server.

- `loader` is the interface to the rest; `connection` reads the declarations.
- A connector here: `connectors` installs its environment, `environments` finds it, `process` runs
  it, `messages` and `protocol` speak with it, `redaction` finds its secrets.
- A sync: `source` asks what there is, or knows by what is `remembered`; `targets` are the tables,
  `reading` reads the streams, `records`, `conversion` and `columns` make Parquet of them, `state`
  keeps where the next one goes on, `sync` commits both.
- `server` does the same on an Airbyte server; `interrupts` lets neither lose a Ctrl-C.
"""
