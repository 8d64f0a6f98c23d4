"""What the web server and the `flask` command load. `portal.jobs` gives the app its way to wake the worker."""

from portal.jobs import app

__all__ = ["app"]
