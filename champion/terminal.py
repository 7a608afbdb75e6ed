"""Everything that is printed: the one place that writes to a terminal, where a name of somebody else's does nothing.

What rich draws goes through the console of cli/console.py, under the same guard.
"""

import io
import logging
import sys
import traceback
import warnings
from types import TracebackType
from typing import TextIO

import click

from champion.harmless import printable


def echo(text: object = "", *, err: bool = False, lead: str = "") -> None:
    """Print lines on stdout, or stderr; `lead` stands before them and is ours, so that it may have colours."""
    click.echo(f"{lead}{printable(str(text))}", err=err)


def complain(problem: object) -> None:
    """Print an error on stderr, each of its lines as one."""
    for line in str(problem).split("\n"):
        echo(line, err=True, lead=f"{click.style('Error:', fg='red', bold=True)} ")


def refuse(error: click.ClickException) -> None:
    """Print what click says of a command line that it does not take."""
    said = io.StringIO()
    error.show(said)
    echo(said.getvalue().rstrip("\n"), err=True)


def guard_process() -> None:
    """Put what Python itself prints under the guard: tracebacks, warnings, and log lines that nobody else handles."""
    sys.excepthook = _traceback
    warnings.showwarning = _warning
    if logging.lastResort is not None:
        logging.lastResort.addFilter(guard_record)


def guard_record(record: logging.LogRecord) -> bool:
    """As a filter of a handler that prints: let the record pass, with its message and its traceback made harmless."""
    record.msg, record.args = printable(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        record.exc_text = printable(logging.Formatter().formatException(record.exc_info))
    return True


def _traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    echo("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"), err=True)


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - as Python calls it
    line: str | None = None,
) -> None:
    echo(warnings.formatwarning(message, category, filename, lineno, line).rstrip("\n"), err=True)
