"""The documents tell the truth: their code runs, their commands print what is shown, their links lead somewhere.

A document's Python blocks run in order, in one namespace, in a folder that holds only `examples`. A block with `>>>` is
a doctest; any other must simply run. In console blocks each `$ dyld-atlas …` runs, and its output is compared with the
lines that follow: a line `…` stands for any number of lines.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
DOCUMENTS = [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """The code blocks of one language, each with its first line's number (from 1)."""
    found = [match for match in BLOCK.finditer(text) if match[1] == language]
    return [(text.count("\n", 0, match.start(2)) + 1, match[2]) for match in found]


def with_blocks(language: str) -> list[Path]:
    """The documents that have blocks of a language."""
    return [document for document in DOCUMENTS if blocks(document.read_text(encoding="utf-8"), language)]


def run_doctest(name: str, text: str, namespace: dict[str, object], filename: str, line: int) -> str:
    """What a doctest complains about."""
    complaints: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, namespace, name, filename, line - 1)
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=complaints.append, clear_globs=False)
    namespace.update(test.globs)
    return "".join(complaints)


def differences(shown: list[str], printed: list[str]) -> str:
    """Why the lines that a document shows are not those that were printed; empty if they are."""
    parts = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()) + "\n" for line in shown]
    text = "".join(f"{line.rstrip()}\n" for line in printed)
    return "" if re.fullmatch("".join(parts), text) else "shown:\n" + "\n".join(shown) + "\nprinted:\n" + text


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that holds only `examples`, with the installed commands on the path."""
    (tmp_path / "examples").symlink_to(TOP / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.mark.parametrize("document", with_blocks("python"), ids=lambda path: str(path.relative_to(TOP)))
def test_python_blocks_run(document: Path) -> None:
    namespace: dict[str, object] = {"__name__": "document"}
    for line, text in blocks(document.read_text(encoding="utf-8"), "python"):
        if ">>>" in text:
            assert not (complaints := run_doctest(document.name, text, namespace, str(document), line)), complaints
        else:
            exec(compile("\n" * (line - 1) + text, str(document), "exec"), namespace)


@pytest.mark.parametrize("document", with_blocks("console"), ids=lambda path: str(path.relative_to(TOP)))
def test_console_blocks_print_what_is_shown(document: Path) -> None:
    for _, text in blocks(document.read_text(encoding="utf-8"), "console"):
        for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, *shown = command.splitlines()
            assert re.search(r"\b(dyld-atlas|dyld_atlas)\b", line), (
                f"{document.name}: only our own command runs: {line}"
            )
            ran = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)
            printed = (ran.stdout + ran.stderr).splitlines()
            assert ran.returncode < 2, f"{document.name}: $ {line}\n{ran.stdout}{ran.stderr}"
            assert not (problem := differences(shown, printed)), f"{document.name}: $ {line}\n{problem}"


def test_the_two_commands_of_the_readme_are_what_continuous_integration_runs() -> None:
    shell = blocks((TOP / "README.md").read_text(encoding="utf-8"), "sh")
    commands = [line.partition("  #")[0].strip() for line in shell[0][1].splitlines() if line.strip()]
    assert len(commands) == 2
    run = (TOP / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in run if line in commands] == commands


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not dead


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "…", "z"], ["a", "b", "c", "z"], True),
        (["a", "…"], ["a"], True),
        (["a", "b"], ["a", "c"], False),
        (["a"], ["a", "b"], False),
        (["a", "…", "z"], ["a", "b"], False),
        (["a.c"], ["abc"], False),
    ],
)
def test_shown_output_is_compared_line_by_line(shown: list[str], printed: list[str], same: bool) -> None:
    assert (differences(shown, printed) == "") is same


def test_blocks_are_found_with_their_lines() -> None:
    text = "# a\n\n```python\nx = 1\n```\n\n```text\nno\n```\n```python\n>>> 1 + 1\n3\n```\n"
    assert blocks(text, "python") == [(4, "x = 1\n"), (11, ">>> 1 + 1\n3\n")]
    assert "Expected:\n    3" in run_doctest("sample", ">>> 1 + 1\n3\n", {}, "sample.md", 11)
