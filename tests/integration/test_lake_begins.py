"""Several runs open a DuckLake that nobody has opened yet."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg2

from stack.settings import WarehouseSettings
from stack.warehouse import connect

WRITERS, LAKES = 6, 4


def test_all_of_them_find_it_made(postgres_url, tmp_path):
    for number in range(LAKES):
        name = f"begins_{number}"
        admin = psycopg2.connect(postgres_url)
        admin.autocommit = True
        admin.cursor().execute(f"create database {name}")
        admin.close()
        barrier = Barrier(WRITERS)
        url = f"{postgres_url.rpartition('/')[0]}/{name}"

        def write(writer: int, url=url, barrier=barrier, home=tmp_path / name) -> int:
            settings = WarehouseSettings(
                stack_home=home, dlt_destination="ducklake", ducklake_catalog_url=url
            )
            barrier.wait()
            with connect(settings) as connection:
                connection.execute(f"create table t{writer} as select {writer} as n")
                return connection.execute(f"select n from t{writer}").fetchone()[0]

        with ThreadPoolExecutor(WRITERS) as pool:
            assert list(pool.map(write, range(WRITERS))) == list(range(WRITERS))
