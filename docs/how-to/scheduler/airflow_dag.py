"""Drift monitoring as an Airflow DAG: drift is a skipped task and never retried, a failure is retried."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

# 0 finished, 1 finished with drift, 2 could not finish. 99 is what BashOperator shows as "skipped".
RUN = """
warehouse-drift run --quiet -c "$DRIFT_CONFIG"
code=$?
if [ "$code" -eq 1 ]; then exit 99; fi
exit "$code"
"""

with DAG(
    dag_id="drift",
    schedule="15 6 * * *",
    start_date=datetime(2025, 1, 1),
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="run",
        bash_command=RUN,
        env={"DRIFT_CONFIG": "/opt/drift/drift.yml"},
        append_env=True,
        skip_on_exit_code=99,
        retries=2,
        retry_delay=timedelta(minutes=10),
    )
