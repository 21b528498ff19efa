"""A stand-in for the asynchronous inbound API of Onport."""

__version__ = "0.1.0"
