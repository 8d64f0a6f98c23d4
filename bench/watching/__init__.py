"""Two thousand people in one room, on this machine alone: what `make bench GROUP=live` is made of."""
