"""What the sites send: complex baseband, switched by the occupancy."""
