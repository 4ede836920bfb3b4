"""How new a table has to be, and whether it is.

`policy` is what a declaration says; `judgement` applies it at a given moment. `newest` finds the
newest event of a table that was just built, `seen` reads from Dagster what runs recorded about a
table, and `watch` makes a check and a sensor of it.
"""

from stack.freshness.judgement import Freshness, Seen, Verdict, judge
from stack.freshness.policy import FreshnessPolicy

__all__ = ["Freshness", "FreshnessPolicy", "Seen", "Verdict", "judge"]
