"""What the web server serves as the reference."""

from bench.measure import hello

app = hello()
