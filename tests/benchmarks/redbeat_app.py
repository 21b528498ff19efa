"""A Celery app whose beat is celery-redbeat, for the comparison in two_beats.py."""

import os

from celery import Celery

app = Celery("redbeats", broker=os.environ.get("TWO_BEATS_URL"), set_as_current=False)
app.conf.update(
    beat_scheduler="redbeat.RedBeatScheduler",
    beat_max_loop_interval=5,
    redbeat_lock_timeout=25,
    redbeat_redis_url=os.environ.get("TWO_BEATS_URL"),
    beat_schedule={
        "links": {"task": "noted", "schedule": float(os.environ.get("TWO_BEATS_EVERY", "5"))}
    },
)
