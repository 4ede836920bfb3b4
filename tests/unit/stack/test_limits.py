"""DuckDB gets its share of the container, not of the machine."""

from pathlib import Path

import pytest

from stack.warehouse import limits


@pytest.fixture
def cgroup(tmp_path: Path):
    def write(**files: str) -> Path:
        for name, content in files.items():
            file = tmp_path / name.replace("__", "/").replace("_", ".", 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content + "\n")
        return tmp_path

    return write


def test_a_version_2_memory_limit_is_honoured(cgroup):
    folder = cgroup(memory_max="1000000000")
    assert limits.memory_bytes(folder) == 1_000_000_000
    assert limits.duckdb_memory_limit(0.6, folder) == "600MB"


def test_a_version_1_memory_limit_is_honoured(tmp_path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("500000000\n")
    assert limits.memory_bytes(tmp_path) == 500_000_000


def test_no_limit_means_the_machine(cgroup, tmp_path):
    machine = limits.memory_bytes(tmp_path)
    assert machine > 0
    assert limits.memory_bytes(cgroup(memory_max="max")) == machine
    assert limits.cpus(cgroup(cpu_max="max 100000")) == limits.cpus(tmp_path / "none")


def test_a_cpu_quota_is_rounded_down_but_never_below_one(cgroup):
    assert limits.cpus(cgroup(cpu_max="150000 100000")) == 1
    assert limits.cpus(cgroup(cpu_max="20000 100000")) == 1


def test_threads_are_a_share_of_the_cpus_and_at_least_one(tmp_path):
    assert limits.duckdb_threads(1.0, tmp_path) == limits.cpus(tmp_path)
    assert limits.duckdb_threads(0.01, tmp_path) == 1
