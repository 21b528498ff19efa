"""Schedules: when they are due, what they read, and how that is put into the relay."""

from onport_producers.schedule.errors import SourceError
from onport_producers.schedule.sources import check_source
from onport_producers.schedule.ticks import newest_tick, next_tick
from onport_producers.schedule.work import Report, Work

__all__ = ["Report", "SourceError", "Work", "check_source", "newest_tick", "next_tick"]
