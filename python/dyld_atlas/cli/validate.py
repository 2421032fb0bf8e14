"""``dyld-atlas validate``: whether a file is sound, and what is wrong where."""

import argparse
import sys
from typing import Any

from . import exits, inputs, records
from .inspection import Report, inspect
from .terminal import Column, Style, count, plain, write_table

_COLUMNS = [
    Column("path"),
    Column("kind"),
    Column("size", "size"),
    Column("checksum"),
    Column("state"),
    Column("detail"),
]
_KINDS = {
    "snapshot": "snapshot",
    "cache-atlas": "atlas of a shared cache",
    "archive": "archive without a snapshot or a cache",
    "unknown": "no archive",
}
_CODECS = {"lzfse": "LZFSE", "lz4": "LZ4", "lzma": "LZMA", "lzbitmap": "LZBITMAP", "zlib": "zlib", "none": "stored"}


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    data = inputs.read(options.file)
    report = inspect(data, lenient=options.lenient)
    if options.json:
        head: dict[str, Any] = {
            "file": options.file,
            "valid": report.valid,
            "kind": report.kind,
            "size": report.size,
            "codec": report.codec,
            "checksum": report.checksum,
        }
        records.write_document(
            "validate",
            head,
            entries=(entry._asdict() for entry in report.entries),
            problems=(problem._asdict() for problem in report.problems),
            warnings=report.warnings,
        )
    elif options.format == "tsv":
        rows = ((e.path, e.kind, e.size, e.checksum, e.state, e.detail) for e in report.entries)
        write_table(_COLUMNS, rows, form="tsv", style=Style(sys.stdout, "never"))
        for problem in report.problems:
            print(f"dyld-atlas: {plain(problem.message)}", file=sys.stderr)
    else:
        _show(report, options)
    return exits.OK if report.valid else exits.MALFORMED


def _show(report: Report, options: argparse.Namespace) -> None:
    style = Style(sys.stdout, options.color)
    colors = {"ok": "green", "bad": "red"}
    print(f"{plain(inputs.current.name or options.file)}: {_headline(report)}")
    room = max((len(plain(entry.path)) for entry in report.entries), default=0)
    for entry in report.entries:
        state = style(entry.state.ljust(3), colors.get(entry.state))
        size = f"{entry.size:,} bytes".replace(",", " ") if entry.kind == "F" else ""
        detail = ", ".join(part for part in (size, plain(entry.detail or "")) if part)
        print(f"  {plain(entry.path).ljust(room)}  {state}  {detail}".rstrip())
    for problem in report.problems:
        print(f"{style('error:', 'red')} {plain(problem.message)}")
        if problem.hint:
            print(f"{style('hint:', 'cyan')} {plain(problem.hint)}")
    for warning in report.warnings:
        print(f"{style('warning:', 'yellow')} {plain(warning)}")
    verdict = style("valid", "green") if report.valid else style("not valid", "red")
    print(f"{verdict}: {_KINDS[report.kind]}")


def _headline(report: Report) -> str:
    if report.kind == "unknown":
        return f"{report.size:,} bytes".replace(",", " ")
    container = "Apple Archive"
    if report.codec is not None:
        container += f" ({_CODECS.get(report.codec, report.codec)})"
    checksum = {"ok": "checksums right", "bad": "checksum wrong", "none": "no checksums"}[report.checksum]
    return f"{container}, {count(len(report.entries), 'entry', 'entries')}, {checksum}"
