"""A TCP connection between a program and a real server that can be cut, held or slowed down."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK = 16 * 1024


class Cable:
    """Forwards a loopback port to another; each method takes effect at once.

    `connections` counts those made so far; `sent` is all that they sent.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, target: int) -> None:
        self._loop, self._target = loop, target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._answer: bytes | None = None
        self._delay_s = 0.0
        self.connections = 0
        self.sent = bytearray()
        self.port = 0
        self._do(self._listen())

    def cut(self) -> None:
        """Break connections and refuse new ones, like a killed server."""
        self._do(self._refuse())

    def mend(self) -> None:
        """Let everything through again."""
        self._do(self._restore())

    def hold(self) -> None:
        """Accept connections and data, but pass nothing on, like a lost node."""
        self._do(self._change(flows=False))

    def slow(self, delay_s: float) -> None:
        """Pass on each 16 KiB after this many seconds."""
        self._do(self._change(delay_s=delay_s))

    def answer(self, status: str, body: str = "") -> None:
        """Answer each HTTP request with a status such as `503 Slow Down`, instead of the server."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self._do(self._change(answer=(head + body).encode(), drop=True))

    def end(self) -> None:
        """Cut it for good."""
        self._do(self._end())

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _listen(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop()

    async def _end(self) -> None:
        await self._refuse()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _restore(self) -> None:
        await self._change()
        if self._server is None:
            await self._listen()

    async def _change(
        self,
        *,
        flows: bool = True,
        delay_s: float = 0.0,
        answer: bytes | None = None,
        drop: bool = False,
    ) -> None:
        self._answer, self._delay_s = answer, delay_s
        if flows:
            self._flows.set()
        else:
            self._flows.clear()
        if drop:
            self._drop()

    def _drop(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            if self._answer is not None:
                await self._refuse_politely(reader, writer)
                return
            to_server = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(to_server[1])
            try:
                await asyncio.gather(
                    self._pass_on(reader, to_server[1], to_server=True),
                    self._pass_on(to_server[0], writer),
                )
            except asyncio.CancelledError:  # the cable's end, which asyncio would log as an error
                return
            finally:
                self._open.discard(to_server[1])
                to_server[1].close()
        except OSError:  # one side is gone
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _refuse_politely(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer or b"")
        await writer.drain()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool = False
    ) -> None:
        while data := await reader.read(CHUNK):
            if to_server:
                self.sent += data
            await self._flows.wait()
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    """A cable to a loopback port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="cable", daemon=True)
    thread.start()
    try:
        cable = Cable(loop, port)
        yield cable
        cable.end()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


class Mending(logging.Handler):
    """Does something at the first log record."""

    def __init__(self, mend: Callable[[], None]) -> None:
        super().__init__()
        self._mend, self.said = mend, []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        if len(self.said) == 1:
            self._mend()


@contextmanager
def mended_when_waited_for(
    cable: Cable, logger: str = "dagster.builtin.stack.stores"
) -> Iterator[list[str]]:
    """Mend the cable once the log says that somebody waits for it; yields the log's messages."""
    handler = Mending(cable.mend)
    logging.getLogger(logger).addHandler(handler)
    try:
        yield handler.said
    finally:
        logging.getLogger(logger).removeHandler(handler)
