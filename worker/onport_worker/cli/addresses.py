"""Addresses as they may be shown: without what could be secret in them."""

from urllib.parse import urlsplit

from redis import Redis


def endpoint_of(base_url: str) -> str:
    """Return the endpoint's address without user name, password or query."""
    url = urlsplit(base_url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def place_of(redis: Redis) -> str:
    """Return where a client's broker is."""
    options = redis.connection_pool.connection_kwargs
    if path := options.get("path"):
        return str(path)
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
