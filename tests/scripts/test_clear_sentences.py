"""What `make run` and `make test` say when this machine lacks something: one sentence, with what to type."""

import ast
import socket
import sys
from pathlib import Path

import pytest

from portal.config import ROOT
from scripts import prepare, run


@pytest.fixture
def no_programs(monkeypatch):
    """A machine without a package manager, and without any other program."""
    monkeypatch.setenv("PATH", "")


def test_an_old_python_is_told_what_is_needed():
    with pytest.raises(prepare.MissingError) as said:
        prepare.suitable_python((3, 9), newer=())
    assert str(said.value) == (
        "Comptoir needs Python 3.11 or newer, this is 3.9: name another, `make run PYTHON=/path/to/python`."
    )


def test_a_newer_python_on_the_path_is_used(tmp_path, monkeypatch):
    (tmp_path / "python3.11").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepare.suitable_python((3, 9)) == str(tmp_path / "python3.11")


def test_a_stand_in_for_a_python_that_is_not_installed_is_not_used(tmp_path, monkeypatch):
    broken = tmp_path / "python3.12"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(prepare.MissingError, match=r"needs Python 3\.11"):
        prepare.suitable_python((3, 9))


def test_an_old_python_can_read_the_script_that_says_so():
    source = Path(prepare.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))


@pytest.mark.usefixtures("no_programs")
def test_a_missing_library_names_the_command():
    with pytest.raises(prepare.MissingError) as said:
        prepare.need_pango(("libpango-that-is-not-there.so.0",))
    assert "Pango" in str(said.value)
    assert "install" in str(said.value)
    assert "\n" not in str(said.value)


def test_a_library_that_is_there_is_found():
    names = {"linux": "libc.so.6", "darwin": "libSystem.dylib"}
    assert prepare.has_library(names[sys.platform])
    assert not prepare.has_library("libnothing.so.0")


def test_an_unknown_purpose_is_refused(capsys):
    assert prepare.main(["tidy"]) == 2
    assert "run|lint|bench|test" in capsys.readouterr().err


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_taken_port_names_another(family, address):
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(run.CannotStartError) as said:
            run.need_free(number, "COMPTOIR_PORT")
    assert str(said.value) == (
        f"Port {number} is taken by another program: stop it, or type `make run COMPTOIR_PORT={number + 10}`."
    )


def test_a_free_port_is_fine():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    run.need_free(number, "COMPTOIR_PORT")


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(text):
    with pytest.raises(run.CannotStartError, match="COMPTOIR_PORT must be a port number"):
        run.port({"COMPTOIR_PORT": text}, "COMPTOIR_PORT", 8000)


def test_addresses_follow_the_ports():
    told = run.environment({"COMPTOIR_PORT": "8110", "COMPTOIR_PAYMENTS_PORT": "8112", "PATH": "/bin"})
    assert told["COMPTOIR_BASE_URL"] == "http://localhost:8110"
    assert told["COMPTOIR_PAYMENT_SIMULATOR_URL"] == "http://localhost:8112"
    assert told["PATH"].split(":") == [str(ROOT / ".venv" / "bin"), "/bin"]


def test_a_given_address_is_kept():
    told = run.environment({"COMPTOIR_BASE_URL": "http://shop.localhost:8000"})
    assert told["COMPTOIR_BASE_URL"] == "http://shop.localhost:8000"


def test_the_welcome_says_where_and_who():
    said = run.welcome("http://localhost:8000", [("Alice", "alice@example.org", "shop owner")])
    assert "http://localhost:8000\n" in said
    assert "alice@example.org  Alice, shop owner" in said
