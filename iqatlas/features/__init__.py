"""What detectors and learners eat: arrays in, arrays out."""
