"""One request to Onport: compose, send, classify, and what follows for its jobs."""
