"""Radio paths from every site to every receiver, as NumPy arrays."""
