"""Writes the nginx configuration of an installation: `python -m scripts.nginx --name comptoir.example --certificate …`.

What it prints belongs in `/etc/nginx/sites-enabled/`; Debian's packages are nginx and libnginx-mod-nchan. With
`--whole` it is a configuration of its own, that starts nginx apart from the system's: what the measurements do.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = Path(__file__).with_suffix(".conf")
MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/share/nginx/modules"), Path("/opt/homebrew/lib/nginx/modules"))
_MODULE = "ngx_nchan_module.so"
# Each viewer is one connection and one descriptor.
_CONNECTIONS = 16_384
_WHOLE = """{module}
daemon off;
master_process on;
worker_processes {workers};
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections {connections}; }}
http {{
access_log off;
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
{site}
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What differs from one installation to another; addresses are `host:port`."""

    name: str = "localhost"
    portal: str = "127.0.0.1:8000"
    publish: str = "127.0.0.1:8003"
    listen: str = "127.0.0.1:8080"
    certificate: str = ""
    key: str = ""
    cache: str = "/var/cache/nginx/comptoir-rooms"

    @property
    def secure(self) -> bool:
        """Served over https."""
        return bool(self.certificate)


def site(facts: Site) -> str:
    """The configuration for inside `http { }`."""
    listen = [f"    listen {facts.listen};"]
    if facts.secure:
        listen = [
            f"    listen {facts.listen} ssl http2;",
            f"    ssl_certificate {facts.certificate};",
            f"    ssl_certificate_key {facts.key};",
            "    ssl_protocols TLSv1.2 TLSv1.3;",
            "    ssl_session_cache shared:portal:10m;",
        ]
    values = {
        "PORTAL": facts.portal,
        "PUBLISH": facts.publish,
        "LISTEN": "\n".join(listen),
        "NAME": facts.name,
        "CACHE": facts.cache,
        "SCHEME": "https" if facts.secure else "http",
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def module() -> Path | None:
    """Where nchan is on this machine; None without it."""
    return next((folder / _MODULE for folder in MODULES if (folder / _MODULE).exists()), None)


def whole(facts: Site, folder: Path, *, workers: int = 1) -> str:
    """A configuration that stands alone, with everything it writes in one folder."""
    found = module()
    return _WHOLE.format(
        module=f"load_module {found};" if found else "",
        folder=folder,
        workers=workers,
        connections=_CONNECTIONS,
        files=_CONNECTIONS + 512,
        site=site(facts),
    )


def main(arguments: list[str]) -> int:
    """Print the configuration; returns the exit status."""
    usual = Site()
    parser = argparse.ArgumentParser(
        prog="scripts.nginx", description="Writes the nginx configuration of an installation."
    )
    parser.add_argument("--name", default=usual.name, help="the host name people use")
    parser.add_argument("--portal", default=usual.portal, help="where granian listens, host:port")
    parser.add_argument(
        "--publish", default=usual.publish, help="where the portal publishes rooms, host:port, loopback"
    )
    parser.add_argument("--listen", default="", help="where nginx listens, 443 with a certificate")
    parser.add_argument("--certificate", default="", help="path of the certificate, for https")
    parser.add_argument("--key", default="", help="path of its key")
    parser.add_argument("--cache", default=usual.cache, help="a folder for a few kilobytes of rooms")
    parser.add_argument("--whole", metavar="FOLDER", default="", help="a configuration that stands alone")
    given = parser.parse_args(arguments)
    if bool(given.certificate) != bool(given.key):
        parser.error("--certificate and --key belong together")
    listen = given.listen or ("443" if given.certificate else usual.listen)
    facts = Site(given.name, given.portal, given.publish, listen, given.certificate, given.key, given.cache)
    print(whole(facts, Path(given.whole)) if given.whole else site(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
