"""Detectors that learn from a corpus: convolutional nets on samples and spectrograms, boosted trees."""
