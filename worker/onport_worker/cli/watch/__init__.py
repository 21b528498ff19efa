"""onport-relay status --watch: the live view."""
