"""What pickles of NumPy 2 name."""
