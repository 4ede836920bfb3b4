"""`stack connect`: from files that no layout knows to a table that models can use.

- `reading`: the files, and which of them are one table; `columns`: their columns together.
- `proposal`: what they become, with its evidence, and what is open; of it `keys` and `money` find
  the key and the currency, `books` what the columns are for the books, `feeds` the SQL of that.
- `relations`: columns whose values are those of a unique column elsewhere.
- `questions`, `checks`: what has to be said, and whether it fits the files.
- `writing`, `placing`: the declaration, the raw table, a staging model, its tests and expectations.
- `cli`, `showing`, `loading`: the command.
"""
