"""`stack connect`: turns files that no layout knows into a table that models can use.

- `reading` reads the files and groups those of one table; `columns` joins their columns.
- `proposal` is what they become, with evidence and open questions; `keys` and `money` find the key
  and the currency, `books` what the columns mean to the books, `feeds` the SQL for that.
- `relations` finds columns whose values are in a unique column elsewhere.
- `questions` and `checks`: what the user has to say, and whether it fits the files.
- `writing` and `placing`: declaration, raw table, staging model, its tests and expectations.
- `cli`, `showing` and `loading` are the command.
"""
