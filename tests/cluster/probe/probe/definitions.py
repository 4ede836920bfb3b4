"""Assets that describe their pod, use up its memory, or wait."""

import os
import time

import dagster as dg

from stack.compute import RESOURCE, Compute
from stack.execution import choose_executor
from stack.settings import ExecutionSettings, load_settings
from stack.warehouse.connection import duckdb_config
from stack.warehouse.limits import memory_bytes

PREFIX = os.environ["PROBE"]  # the location's name: two locations can't share asset keys


def _told(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    limit = duckdb_config(context.resources.compute.warehouse(context))["memory_limit"]
    told = {"pod": os.environ["HOSTNAME"], "memory": memory_bytes(), "duckdb": str(limit)}
    context.log.info(" ".join(f"{name}={value}" for name, value in told.items()))
    return dg.MaterializeResult(metadata=told)


@dg.asset(key_prefix=PREFIX, required_resource_keys={RESOURCE})
def small(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return _told(context)


@dg.asset(
    key_prefix=PREFIX, required_resource_keys={RESOURCE}, deps=[small], compute_kind="high_memory"
)
def large(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return _told(context)


@dg.asset(key_prefix=PREFIX)
def hungry() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)) * 16)


@dg.asset(key_prefix=PREFIX)
def waiting(context: dg.AssetExecutionContext) -> None:
    context.log.info("waits")
    for _ in range(600):
        time.sleep(1)


_assets = [small, large, hungry, waiting]
_executor = choose_executor(load_settings(ExecutionSettings), _assets)
_selections = {"pair": [small, large], "hungry": [hungry], "waiting": [waiting]}
defs = dg.Definitions(
    assets=_assets,
    jobs=[
        dg.define_asset_job(f"{name}_job", selection=selection, executor_def=_executor)
        for name, selection in _selections.items()
    ],
    resources={RESOURCE: Compute()},
)
