"""The examples of docs/outbox.md run."""

import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine, make_url
from tests.producers.outbox.conftest import held

from onport_producers.outbox import Pump
from onport_queue.store import Queue

PAGE = (Path(__file__).parents[3] / "docs" / "outbox.md").read_text(encoding="utf-8")
WITH_SQLALCHEMY, MIGRATION, PLACING = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)

SHOP = """
import sys
import django
from django.conf import settings

name, host, port, user = sys.argv[2:]
database = {"NAME": name, "HOST": host, "PORT": port, "USER": user}
database["ENGINE"] = f"django.db.backends.{sys.argv[1]}"
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=[])
django.setup()
from django.db import connection, models
from django.db.migrations.state import ProjectState
"""
ORDERS = """
class Order(models.Model):
    number = models.CharField(primary_key=True, max_length=20)

    class Meta:
        app_label = "shop"

    def for_onport(self):
        if self.number == "never":
            return {}
        return {"externalId": self.number, "lineItems": []}


with connection.schema_editor() as editor:
    editor.create_model(Order)
    Migration("0001", "shop").apply(ProjectState(), editor)
"""
CUSTOMERS = """
place(Order(number="1001"))
try:
    place(Order(number="never"))
except Exception as error:
    print(error)
print([order.number for order in Order.objects.all()])
"""


def address(dsn: str) -> str:
    return dsn.replace("postgresql:", "postgresql+psycopg:")


def test_the_sqlalchemy_example_runs(engine: Engine, dsn: str, pump: Pump, queue: Queue) -> None:
    # What a shop's own migrations do.
    prepared = WITH_SQLALCHEMY.replace(
        "outbox = Outbox()", "Base.metadata.create_all(engine)\noutbox = Outbox()"
    )
    names = {"database_url": address(dsn), "__name__": "docs"}
    exec(compile(prepared, "outbox.md", "exec"), names)
    names["engine"].dispose()  # type: ignore[attr-defined]  # what the example made
    assert held(engine).rows == 2
    assert pump.batch().rows == 2
    ledger = queue.stats().ledger
    assert (ledger.accepted, ledger.folded) == (2, 1)


def test_the_django_example_runs(dsn: str, engine: Engine, pump: Pump, queue: Queue) -> None:
    url = make_url(dsn)
    with engine.begin() as connection:  # the migration makes it
        connection.exec_driver_sql("DROP TABLE onport_relay_outbox")
    where = [url.database or "", url.host or "", str(url.port or ""), url.username or ""]
    program = SHOP + MIGRATION + ORDERS + PLACING + CUSTOMERS
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            program,
            url.get_backend_name().replace("sqlite", "sqlite3"),
            *where,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "externalId: missing\n['1001']\n"
    assert pump.batch().rows == 1
    assert queue.stats().pending == 1
