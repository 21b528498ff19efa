"""The demonstration: a shop, the relay and a sandbox on one machine, and an account of it."""
