"""Looks a file over, layer by layer: container, archive, checksums, property lists, records."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..errors import AtlasError, FormatError
from .failures import hint_of
from .hints import describe
from .progress import Progress
from .terminal import count

if TYPE_CHECKING:
    from .._native import Archive, ArchiveEntry

_SNAPSHOT = "process.plist"
_CACHES = "caches/uuids/"


class Entry(NamedTuple):
    """What is to be said of an archive entry."""

    path: str
    kind: str
    size: int
    checksum: str
    state: str
    detail: str | None


class Problem(NamedTuple):
    """Something that is wrong, and where."""

    message: str
    error: str
    code: int
    entry: str | None = None
    key_path: str | None = None
    offset: int | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None


@dataclass
class Report:
    """What was found."""

    size: int
    kind: str = "unknown"
    codec: str | None = None
    checksum: str = "none"
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def inspect(data: bytes, *, lenient: bool = False) -> Report:
    """Looks ``data`` over. With ``lenient``, what lenient opening can do without is a warning, not a problem."""
    from .._native import Archive

    report = Report(size=len(data))
    try:
        with Progress("decoding the archive"):
            archive = Archive.from_bytes(data)
    except FormatError as error:
        report.problems.append(_problem(error, hint=describe(data[:64])))
        return report
    report.codec = archive.codec
    report.checksum = _state(archive.checksum_ok)
    details: dict[str, str] = {}
    if _SNAPSHOT in archive:
        report.kind = "snapshot"
        _snapshot(data, report, details, lenient=lenient)
    else:
        caches = any(entry.path.startswith(_CACHES) for entry in archive.entries)
        report.kind = "cache-atlas" if caches else "archive"
        if not caches:
            message = "the archive holds neither process.plist nor caches/uuids/<UUID>.plist"
            report.problems.append(Problem(message, "SchemaError", 3, hint=None))
    for entry in archive.entries:
        if entry.kind == "F" and entry.path.endswith(".plist") and entry.path != _SNAPSHOT:
            _plist(entry, report, details, lenient=lenient)
    _checksums(archive, report, lenient=lenient)
    _entries(archive, report, details)
    return report


def _state(checksum_ok: bool | None) -> str:
    return "none" if checksum_ok is None else "ok" if checksum_ok else "bad"


def _problem(error: AtlasError, entry: str | None = None, hint: str | None = None) -> Problem:
    place = {name: getattr(error, name, None) for name in ("entry", "key_path", "offset", "expected", "found")}
    message = str(error)
    if place["entry"] is None and entry is not None:
        place["entry"] = entry
        message = f"{entry}: {message}"
    return Problem(message, type(error).__name__, error.code, hint=hint_of(error) or hint, **place)


def _snapshot(data: bytes, report: Report, details: dict[str, str], *, lenient: bool) -> None:
    """Opens the snapshot strictly; if that fails, lenient opening tells what else is wrong."""
    from .._native import Snapshot

    try:
        with Progress("checking the records"):
            snapshot = Snapshot.from_bytes(data, providers=())
    except AtlasError as error:
        problem = _problem(error)
        try:
            snapshot = Snapshot.from_bytes(data, providers=(), lenient=True)
        except AtlasError:
            report.problems.append(problem)
            return
        # The problem is among the warnings of lenient opening, too.
        report.warnings += [warning for warning in snapshot.warnings if lenient or warning != problem.message]
        details[_SNAPSHOT] = f"{count(len(snapshot.images), 'image')} sound"
        if not lenient:
            report.problems.append(problem._replace(hint=problem.hint or "--lenient shows what is sound"))
        return
    own = sum(1 for image in snapshot.images if image.shared_cache is None)
    details[_SNAPSHOT] = count(own, "image")
    report.warnings += list(snapshot.warnings)


def _plist(entry: "ArchiveEntry", report: Report, details: dict[str, str], *, lenient: bool) -> None:
    """Reads a property list as a whole, and checks the records of caches in it as opening them would."""
    from .._native import plist_loads

    data = entry.data()
    try:
        with Progress(f"reading {entry.path}"):
            plist_loads(data)
    except FormatError as error:
        if not any(problem.entry == entry.path for problem in report.problems):
            report.problems.append(_problem(error, entry.path))
        return
    if entry.path.startswith(_CACHES):
        _record(entry.path, data, report, details, lenient=lenient)


def _record(path: str, data: memoryview, report: Report, details: dict[str, str], *, lenient: bool) -> None:
    from .._native import check_atlas_entry

    problem = None
    try:
        images, files, warnings = check_atlas_entry(data, path)
    except AtlasError as error:
        problem = _problem(error, path)
        try:
            images, files, warnings = check_atlas_entry(data, path, lenient=True)
        except AtlasError:
            _add(problem, report)
            return
    # The problem is among the warnings of lenient opening, too, and a snapshot tells those of a record that it holds.
    told = {*report.warnings, *(each.message for each in report.problems)}
    if problem is not None and not lenient:
        _add(problem, report)
        told.add(problem.message)
    report.warnings += [warning for warning in warnings if warning not in told]
    details[path] = f"{count(images, 'image')}, {count(files, 'file')}"


def _add(problem: Problem, report: Report) -> None:
    """Adds a problem, unless the snapshot has it already from the record that it holds."""
    if all((each.entry, each.key_path) != (problem.entry, problem.key_path) for each in report.problems):
        report.problems.append(problem)


def _checksums(archive: "Archive", report: Report, *, lenient: bool) -> None:
    if archive.checksum_ok is not False or any(problem.code == 1 for problem in report.problems):
        return
    bad = [entry.path for entry in archive.entries if entry.checksum_ok is False]
    message = "the checksum is wrong" + (f" of {', '.join(bad)}" if bad else "")
    if lenient:
        report.warnings.append(message)
    else:
        hint = "the file was cut, changed or torn while it was read; --lenient opens it all the same"
        report.problems.append(Problem(message, "ArchiveError", 1, bad[0] if bad else None, hint=hint))


def _entries(archive: "Archive", report: Report, details: dict[str, str]) -> None:
    wrong = {problem.entry for problem in report.problems}
    seen: set[str] = set()
    for entry in archive.entries:
        detail = details.get(entry.path)
        state = "bad" if entry.path in wrong or entry.checksum_ok is False else "ok"
        if entry.checksum_ok is False:
            detail = ", ".join(part for part in (detail, "checksum wrong") if part)
        if entry.kind == "L":
            detail = f"→ {entry.link_target}"
            if entry.path not in archive:
                detail += " (leads nowhere)"
                report.warnings.append(f"{entry.path}: the link leads nowhere")
        if entry.path in seen:
            detail = ", ".join(part for part in (detail, "repeated: the first counts") if part)
        seen.add(entry.path)
        report.entries.append(Entry(entry.path, entry.kind, entry.size, _state(entry.checksum_ok), state, detail))
