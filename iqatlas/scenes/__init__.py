"""Cities as values: OpenStreetMap to buildings, cell databases to sites, UAVs to receivers."""
