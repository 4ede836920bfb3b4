"""Words for people."""


def several(count: int, word: str) -> str:
    """`1 model`, `2 models`, `1,000 models`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
