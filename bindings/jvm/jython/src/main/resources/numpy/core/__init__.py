"""What pickles of NumPy 1 name."""
