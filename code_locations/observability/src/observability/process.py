"""`stack observe`: the process that watches a stack, and serves what it sees as metrics."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click
import dagster as dg

from observability.messages.routing import routes
from observability.settings import NotifySettings, ObserveSettings
from stack.automation import opened_instance
from stack.errors import reason
from stack.settings import load_settings

# A task that takes this long hangs.
HANGS_AFTER_S = 600.0
ENDING_S = 10.0
_log = logging.getLogger("stack.observe")


@dataclass
class Task:
    """A function that is called again and again, each time so many seconds after it ended.

    Anything it raises is logged, and it is called again.
    """

    name: str
    interval_s: float
    function: Callable[[], None]
    begun: float | None = field(default=None, init=False)

    def run(self, ended: threading.Event) -> None:
        """Call it until `ended`."""
        while not ended.is_set():
            self.begun = time.monotonic()
            try:
                self.function()
            except Exception as error:  # of any kind: the next call may succeed
                _log.warning(f"{self.name}: {reason(error)}")
            self.begun = None
            ended.wait(self.interval_s)

    def hangs(self) -> bool:
        """Whether it was called long ago and hasn't ended."""
        begun = self.begun
        return begun is not None and time.monotonic() - begun > HANGS_AFTER_S


@click.command()
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the parent process does.")
def observe(with_parent: bool) -> None:
    """Watch the stack: tell people, serve /metrics and /healthz, until told to end."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    _log.setLevel(logging.INFO)
    settings = load_settings(ObserveSettings)
    routes(load_settings(NotifySettings))  # a wrong value ends it here rather than at night
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with opened_instance() as instance:
        serve(instance, settings, ended, [_orphaned(ended)] if with_parent else [])


def serve(
    instance: dg.DagsterInstance,
    settings: ObserveSettings,
    ended: threading.Event,
    more: Sequence[Task] = (),
) -> None:
    """Run the tasks, and serve metrics, until `ended`. Raises ServingError, SettingsError."""
    from prometheus_client import CollectorRegistry

    from observability.facts.looking import Watch
    from observability.facts.reach import run_storage_away
    from observability.messages.storage import StorageTeller
    from observability.messages.telling import tell
    from observability.metrics.collector import FRESH_S, StackCollector
    from observability.metrics.kept import Counter
    from observability.metrics.serving import MetricsServer

    watch, counter, storage = Watch(instance), Counter(instance), StorageTeller()

    def while_stored(function: Callable[[], None]) -> Callable[[], None]:
        """Do nothing while the run storage is known to be away, so as not to keep asking it."""
        return lambda: None if run_storage_away(watch.reach) else function()

    def tell_people() -> None:
        tell(instance, look=lambda _: watch.facts(FRESH_S))

    tasks = [
        Task("counting what ended", 15, while_stored(counter.count)),
        Task("looking at files", 30, watch.look_at_files),
        Task("looking at sizes", 300, watch.look_at_stores),
        Task("looking for stores", 15, lambda: storage.tell(watch.look_for_stores())),
        Task("telling", 15, while_stored(tell_people)),
        *more,
    ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StackCollector(watch, counter))

    def is_alive() -> bool:
        return not any(task.hangs() for task in tasks)

    with MetricsServer(settings.observe_host, settings.observe_port, registry, is_alive) as server:
        threads = [
            threading.Thread(target=task.run, args=(ended,), name=task.name, daemon=True)
            for task in tasks
        ]
        serving = threading.Thread(target=server.serve_forever, name="serving", daemon=True)
        for thread in (*threads, serving):
            thread.start()
        watch.facts()  # the first look takes longest
        _log.info(f"metrics at {server.url}/metrics")
        ended.wait()
        server.shutdown()
        until = time.monotonic() + ENDING_S
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
    counter.save()


def _orphaned(ended: threading.Event) -> Task:
    """Notices that the parent process is gone."""
    parent = os.getppid()

    def look() -> None:
        if os.getppid() != parent:
            ended.set()

    return Task("looking for the parent", 2, look)
