"""A corpus as one HTML page: map, solids, paths, captures, distributions, validation, licences."""
