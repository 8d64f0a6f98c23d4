"""A database of the size the portal must hold, built in bulk: `make scale FACTOR=1`, for `make bench GROUP=scale`."""
