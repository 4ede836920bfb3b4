"""Jobs of steps that do nothing; the last one reports what its container has used so far."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import bench_clock
import dagster as dg


def _executor() -> dg.ExecutorDefinition:
    if os.environ.get("BENCH_SETTINGS") == "stock":
        return dg.multiprocess_executor
    from stack.execution import choose_executor
    from stack.settings import ExecutionSettings, load_settings

    return choose_executor(load_settings(ExecutionSettings), [])


def usage() -> dict[str, float]:
    """CPU seconds and MiB that this container has used. Reads cgroup v1 and v2."""
    root = Path("/sys/fs/cgroup")
    if (root / "cpu.stat").exists():
        stat = _pairs(root / "cpu.stat")
        seconds = int(stat["usage_usec"]) / 1e6
        used, cached = root / "memory.current", "inactive_file"
    else:
        seconds = int((root / "cpuacct" / "cpuacct.usage").read_text()) / 1e9
        root /= "memory"
        used, cached = root / "memory.usage_in_bytes", "total_inactive_file"
    working_set = int(used.read_text()) - int(_pairs(root / "memory.stat")[cached])
    return {"cpu_s": seconds, "memory_mib": working_set / 2**20}


def interpreter_s() -> float:
    """Seconds that a Python without imports takes to start and end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - started


def connect_s() -> float:
    """Seconds that it takes to connect to the run storage."""
    import psycopg2

    storage = dg.DagsterInstance.get().run_storage
    started = time.perf_counter()
    psycopg2.connect(storage.postgres_url).close()  # type: ignore[attr-defined]
    return time.perf_counter() - started


def _pairs(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def report() -> dict[str, float]:
    """What the run's container used, when it reached each point, and the cost of parts alone."""
    found = usage()  # first, because the rest costs too
    clock = {name: float(at) for name, at in _pairs(Path(bench_clock.FILE)).items()}
    return found | clock | {"interpreter_s": interpreter_s(), "connect_s": connect_s()}


def _op(job: str, number: int, last: bool) -> dg.OpDefinition:
    @dg.op(name=f"{job}_{number}", ins={"before": dg.In(dg.Nothing)} if number > 1 else {})
    def step(context: dg.OpExecutionContext) -> None:
        """Do nothing; the last step reports."""
        if last:
            context.log.info(json.dumps(report()))

    return step


def _job(name: str, steps: int) -> dg.JobDefinition:
    @dg.graph(name=name)
    def chain() -> None:
        before = _op(name, 1, last=steps == 1)()
        for number in range(2, steps + 1):
            before = _op(name, number, last=number == steps)(before)

    return chain.to_job(name=name, executor_def=_executor())


defs = dg.Definitions(jobs=[_job("one_step", 1), _job("six_steps", 6)])
