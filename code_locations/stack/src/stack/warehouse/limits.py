"""How much of the machine DuckDB may use: the container's limits, else the machine's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class ComputeProfile:
    """Shares from 0 to 1 of the memory and the CPUs (at least one thread).

    Fewer threads need less memory at a time, which leaves more for each.
    """

    memory_share: float
    cpu_share: float


# A run's process also holds Python, Arrow buffers and dbt, which DuckDB doesn't count.
PROFILES = {
    "standard": ComputeProfile(memory_share=0.6, cpu_share=1.0),
    "high_memory": ComputeProfile(memory_share=0.8, cpu_share=0.5),
}


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Bytes of memory this process may use (cgroup v2, then v1, then the machine's)."""
    machine = machine_memory_bytes()
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = _read(cgroup / name)
        if limit.isdigit():
            return min(int(limit), machine)
    return machine


def machine_memory_bytes() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cpus(cgroup: Path = _CGROUP) -> int:
    """Whole CPUs this process may use, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    machine = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cpu_quota(cgroup)
    return machine if quota is None else max(1, min(machine, int(quota)))


def cpu_quota(cgroup: Path = _CGROUP) -> float | None:
    """CPUs that the container is limited to (cgroup v2, then v1); None without a limit."""
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota = _read(cgroup / "cpu" / "cpu.cfs_quota_us")
        period = _read(cgroup / "cpu" / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def duckdb_memory_limit(
    share: float = PROFILES["standard"].memory_share, cgroup: Path = _CGROUP
) -> str:
    """DuckDB's `memory_limit` for its share of the memory, such as `1843MB`."""
    return f"{int(memory_bytes(cgroup) * share / 1e6)}MB"


def duckdb_threads(share: float, cgroup: Path = _CGROUP) -> int:
    """DuckDB's `threads` for its share of the CPUs, at least 1."""
    return max(1, int(cpus(cgroup) * share))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
