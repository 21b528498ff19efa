"""The page at /: the live picture of the relay, and what an operator does about it."""

from onport_producers.gateway.page.app import Page
from onport_producers.gateway.page.files import OFF_PAGE

__all__ = ["OFF_PAGE", "Page"]
