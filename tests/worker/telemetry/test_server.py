import http.client
import socket

import pytest
from prometheus_client import CollectorRegistry

from onport_queue.errors import SettingsError
from onport_queue.settings import load_settings
from onport_worker.embedded.address import choose_port
from onport_worker.telemetry.metrics import Metrics
from onport_worker.telemetry.server import serve_metrics


def test_it_serves_at_the_port_that_is_set() -> None:
    port = choose_port(0, last=None)
    metrics = Metrics()
    metrics.of("default")
    serve_metrics(load_settings(metrics_port=port), metrics.registry())

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    told = connection.getresponse().read().decode()
    connection.close()

    assert "# TYPE onport_relay_worker_jobs_total counter" in told


def test_a_port_that_is_taken_is_named_with_what_to_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127\.0\.0\.1:{port} can't be listened at: "):
            serve_metrics(load_settings(metrics_port=port), CollectorRegistry())


def test_without_a_port_nothing_listens() -> None:
    serve_metrics(load_settings(metrics_host="no-such-host"), CollectorRegistry())
