"""The worker and the command line of Onport Relay."""

__version__ = "0.1.0"
