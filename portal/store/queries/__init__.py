"""What pages read: one function for each page, the fewest statements, plain values."""
