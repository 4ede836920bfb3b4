"""How much of the machine DuckDB may use: the container's limits, else the machine's."""

from __future__ import annotations

import os
from pathlib import Path

# A run's process also holds Python, Arrow buffers and dbt, which DuckDB doesn't count.
DUCKDB_SHARE_OF_MEMORY = 0.6
_CGROUP = Path("/sys/fs/cgroup")


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Bytes of memory this process may use (cgroup v2, then v1, then the machine's)."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = _read(cgroup / name)
        if limit.isdigit():
            return min(int(limit), machine)
    return machine


def cpus(cgroup: Path = _CGROUP) -> int:
    """Whole CPUs this process may use, at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    machine = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota = _read(cgroup / "cpu" / "cpu.cfs_quota_us")
        period = _read(cgroup / "cpu" / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():
        return max(1, min(machine, int(quota) // int(period)))
    return machine


def duckdb_memory_limit(cgroup: Path = _CGROUP) -> str:
    """DuckDB's `memory_limit`, such as `1843MB`."""
    return f"{int(memory_bytes(cgroup) * DUCKDB_SHARE_OF_MEMORY / 1e6)}MB"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
