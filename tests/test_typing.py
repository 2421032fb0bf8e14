"""Type checkers on programs that use the package: what must pass, and what must not."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parent
POSITIVE = HERE / "typing" / "positive.py"
NEGATIVE = HERE / "typing" / "negative.py"


def mypy(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=False)


def test_the_package_itself() -> None:
    result = mypy("-p", "dyld_atlas")
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_must_pass() -> None:
    result = mypy(POSITIVE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_must_not() -> None:
    expected = {
        (number, match[1])
        for number, line in enumerate(NEGATIVE.read_text(encoding="utf-8").splitlines(), 1)
        if (match := re.search(r"# error: ([\w-]+)$", line))
    }
    result = mypy(NEGATIVE)
    found = {
        (int(match[1]), match[2])
        for match in re.finditer(r"^[^:\n]+:(\d+): error: .*\[([\w-]+)\]$", result.stdout, re.MULTILINE)
    }
    assert len(expected) >= 19
    assert found == expected, result.stdout + result.stderr
