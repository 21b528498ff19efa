"""What a worker measures, and how Prometheus gets it.

Its modules are imported one by one: prometheus-client reads the environment when it is imported.
"""
