"""`stack connect`: from files that no layout knows to a table that models can use.

- `proposal`: what files become, by their profiles: table, key, columns, and what is open.
- `books`: what of it the books' tables can take.
- `writing`: the declaration, the raw table, a staging model, its tests and expectations.
- `cli`: the command, its questions and its answers.
"""
