"""Several runs open a new DuckLake at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from support.servers import new_database

WRITERS, LAKES = 6, 4


def test_all_of_them_find_it_made(postgres_url, tmp_path):
    for number in range(LAKES):
        barrier = Barrier(WRITERS)
        url = new_database(postgres_url)

        def write(writer: int, url=url, barrier=barrier, home=tmp_path / str(number)) -> int:
            settings = WarehouseSettings(
                stack_home=home, dlt_destination="ducklake", ducklake_catalog_url=url
            )
            barrier.wait()
            with connect(settings) as connection:
                connection.execute(f"create table t{writer} as select {writer} as n")
                return connection.execute(f"select n from t{writer}").fetchone()[0]

        with ThreadPoolExecutor(WRITERS) as pool:
            assert list(pool.map(write, range(WRITERS))) == list(range(WRITERS))
