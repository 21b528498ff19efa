"""A configuration of gunicorn that lets gevent patch before anything else is loaded."""

from gevent import monkey

monkey.patch_all()
