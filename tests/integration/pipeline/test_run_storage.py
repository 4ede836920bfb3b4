"""Runs are stored in Postgres if DAGSTER_POSTGRES_URL is set."""

import psycopg2


def test_a_run_is_recorded_in_postgres_and_its_password_nowhere(stack, database_url):
    url = database_url.replace("unused", "hunter2")
    stack.environment["DAGSTER_POSTGRES_URL"] = url
    result = stack.run_pipeline("pipeline_monitoring")
    assert result.returncode == 0, result.stdout + result.stderr
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("select pipeline_name, status from runs")
        assert cursor.fetchall() == [("pipeline_monitoring", "SUCCESS")]
    connection.close()
    assert "hunter2" not in result.stdout + result.stderr
    for file in stack.home.rglob("*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes(), file
