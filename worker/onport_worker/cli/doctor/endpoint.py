"""Whether what is asked by others, or what we send to, can be reached."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from onport_queue.settings import Settings
from onport_worker.cli.addresses import endpoint_of
from onport_worker.cli.doctor.finding import Ailment, Finding, fault, well
from onport_worker.delivery.endpoint import proxy_of
from onport_worker.delivery.reach import UnreachableError, reach

_GATEWAY_TIMEOUT_S = 5.0


def endpoint_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether each endpoint takes a connection; it is sent nothing.

    Only from a host that has a hash: who only puts need not reach it.
    """
    reached = dict[str, float]()
    for name in settings.account_names:
        account = settings.for_account(name)
        if any(account.hashes_of(channel) for channel in account.channel_names):
            reached[account.base_url] = account.connect_timeout_s
    for url, timeout_s in reached.items():
        yield _endpoint(url, timeout_s)


def _endpoint(url: str, timeout_s: float) -> Finding:
    place = endpoint_of(url)
    if proxy_of(url):
        return well("endpoint", f"{place} is reached by a proxy, which was not asked")
    try:
        reach(url, timeout_s)
    except UnreachableError as error:
        return fault(
            Ailment.ENDPOINT_UNREACHABLE,
            f"{place}: {error}",
            "see to base_url, this host's name server, its firewall and its certificates",
        )
    return well("endpoint", f"{place} takes connections")


def gateway_finding(url: str) -> Finding:
    """Return whether a gateway is ready, as its /readyz says."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    host = place.netloc.rpartition("@")[2]
    try:
        with closing(kind(host, timeout=_GATEWAY_TIMEOUT_S)) as connection:
            connection.request("GET", f"{place.path.rstrip('/')}/readyz")
            answer = connection.getresponse()
            body = answer.read(500).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        seen = str(error) or type(error).__name__
    else:
        if answer.status == http.client.OK:
            return well("gateway", f"{host} is ready")
        seen = f"/readyz answers {answer.status} {body}"
    return fault(
        Ailment.GATEWAY_SILENT,
        f"{endpoint_of(url)}: {seen}",
        "start it: onport-relay gateway, or `up`; its log says why it is not ready",
    )
