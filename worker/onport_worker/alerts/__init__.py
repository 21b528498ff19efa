"""Telling somebody what is wrong: what is, what of it is news, and the webhook that hears it."""
