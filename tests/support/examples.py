"""How many examples a costly property is tested with."""

from hypothesis import settings


def examples(long: int) -> int:
    """This many in CI; by default a fifth of it, as for other properties."""
    return max(3, long * settings.default.max_examples // 100)
