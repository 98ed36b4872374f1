"""Run a command in this process, as a user would call it."""

from __future__ import annotations

from posezoo.cli import main


def run(*arguments: object) -> int:
    """Run a command; return the exit code, whether it is returned or raised."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def refused(capsys, *arguments: object) -> str:
    """Run a command that must fail with exit code 2 and one line."""
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    errors = [line for line in lines if "error:" in line]
    assert len(errors) == 1, lines
    assert not any(line.startswith("Traceback") for line in lines)
    return errors[0]
