"""Baseline detectors that validate a corpus, and their scores."""
