"""A worker's own /metrics."""

from prometheus_client import CollectorRegistry, start_http_server

from onport_queue.errors import SettingsError
from onport_queue.settings import Settings


def serve_metrics(settings: Settings, registry: CollectorRegistry) -> None:
    """Serve in the background, for as long as the process lives, if the settings name a port.

    Raises:
        SettingsError: it can't be listened at.
    """
    if not settings.metrics_port:
        return
    host, port = settings.metrics_host, settings.metrics_port
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise SettingsError(
            f"metrics_port: {host}:{port} can't be listened at: {error.strerror}; set "
            "ONPORT_RELAY_METRICS_PORT, of each worker on a host another one, or 0 for none"
        ) from error
