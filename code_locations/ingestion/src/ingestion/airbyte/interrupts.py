"""Ctrl-C and termination, which raise wherever the main thread happens to be.

Other threads get no signals; there, nothing here has any effect.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], object]


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Delay signals to the end of the block, which mustn't be cut in two."""
    caught: list[int] = []
    try:
        with _handled_by(lambda number, _: caught.append(number), SIGNALS):
            yield
    finally:
        for number in caught:
            signal.raise_signal(number)


class Interrupts:
    """While this is entered, no signal is lost.

    Python drops what is raised in a finalizer and goes on as if there had been no signal.
    `raise_lost` raises it again; call it in waiting loops.
    """

    def __init__(self) -> None:
        self._came: int | None = None

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Record signals during the block; they still raise as before."""
        raising: dict[int, Handler] = {
            number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))
        }

        def note(number: int, frame: FrameType | None) -> None:
            self._came = number
            raising[number](number, frame)

        with _handled_by(note, raising):
            yield

    def raise_lost(self) -> None:
        """Raise again what a signal raised, if that had no effect."""
        if self._came is not None:
            signal.raise_signal(self._came)


@contextmanager
def _handled_by(handler: Handler, numbers: Iterable[int]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
