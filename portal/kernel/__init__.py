"""What every feature stands on: database, money, time, events, errors. No Flask, no feature."""
