"""Corpora on disk: writing, reading, verifying."""
