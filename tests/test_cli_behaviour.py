"""How the command behaves: exit codes, streams, colour, widths, pipes, start-up, completion."""

import argparse
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import Command, snapshot
from dyld_atlas.cli import completion
from dyld_atlas.cli.parser import build_parser

PYTHON = [sys.executable, "-m", "dyld_atlas"]
PROCESS_COMMANDS = ["snapshot", "watch"]
CACHE_COMMANDS = ["caches", "cache", "subcaches", "read", "map", "extract-data", "atlas", "verify"]
COMMANDS = ["show", "images", "segments", "at", "validate", "diff", *PROCESS_COMMANDS, *CACHE_COMMANDS, "completion"]


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PYTHON, *arguments], capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def file(command: Command) -> str:
    return command.file("a.aar", snapshot().build())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["nonsense"], 2),
        (["show"], 2),
        (["show", "a", "b"], 2),
        (["show", "FILE", "--json", "--format", "tsv"], 2),
        (["show", "FILE", "--no-files", "--provider-root", "/"], 2),
        (["show", "FILE", "--provider-root", "/nowhere/at/all"], 2),
        (["images", "FILE", "--grep", "("], 2),
        (["at", "-", "-"], 2),
        (["diff", "-", "-"], 2),
        (["show", "/nowhere/at/all"], 2),
        (["show", "/"], 2),
        (["validate", "/nowhere/at/all"], 2),
        (["--help"], 0),
        (["--version"], 0),
    ],
)
def test_usage(command: Command, file: str, arguments: list[str], code: int) -> None:
    result = command(*[file if argument == "FILE" else argument for argument in arguments])
    assert result.code == code
    assert bool(result.err) == bool(code)
    assert bool(result.out) != bool(code)
    assert "Traceback" not in result.err


@pytest.mark.parametrize("verb", ["show", "validate"])
def test_folders(command: Command, verb: str) -> None:
    result = command(verb, command.folder)
    assert (result.code, result.err) == (2, f"dyld-atlas: error: {command.folder}: Is a directory\n")


def test_what_a_shell_substitutes(file: str) -> None:
    # `dyld-atlas show <(ssh mac cat …)`: a pipe with a path.
    show = [shutil.which("dyld-atlas", path=str(Path(sys.executable).parent)), "show"]
    piped = subprocess.run(["bash", "-c", f'"$0" "$1" <(cat {file})', *show], capture_output=True, check=True)
    assert piped.stdout == run("show", file).stdout


def test_messages_name_the_file(command: Command) -> None:
    assert command("show", "/nowhere/at/all").err == "dyld-atlas: error: /nowhere/at/all: No such file or directory\n"


@pytest.mark.parametrize("verb", ["show", "validate"])
def test_access_denied(command: Command, file: str, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        # Root is denied nothing: the refusal is simulated where Python would see it.
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", file)

        monkeypatch.setattr("builtins.open" if verb == "validate" else "dyld_atlas.cli.inputs.snapshot", refuse)
    else:
        Path(file).chmod(0)
    result = command(verb, file)
    assert result.code == 4
    assert result.err == f"dyld-atlas: error: {file}: Permission denied\n"


@pytest.mark.parametrize("verb", COMMANDS)
def test_help(command: Command, verb: str) -> None:
    result = command(verb, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: dyld-atlas {verb}")


def test_defects_are_not_hidden(command: Command, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("dyld_atlas.cli.inputs.snapshot", fail)
    with pytest.raises(RuntimeError, match="a defect"):
        command("show", file)


def test_interruption(command: Command, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dyld_atlas.cli.inputs.snapshot", interrupt)
    assert command("show", file).code == 130


def test_readers_may_leave(file: str) -> None:
    with subprocess.Popen(
        [*PYTHON, "segments", file, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.wait() == 141
        assert child.stderr.read() == b""


def test_the_module_and_the_script(file: str) -> None:
    assert run("--version").stdout.startswith(b"dyld-atlas ")
    script = shutil.which("dyld-atlas", path=str(Path(sys.executable).parent))
    assert script is not None
    direct = subprocess.run([script, "show", file], capture_output=True, check=True)
    assert direct.stdout == run("show", file).stdout


@pytest.mark.parametrize(
    ("options", "environment", "colored"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {}, False),
    ],
)
def test_color_in_pipes(file: str, options: list[str], environment: dict[str, str], colored: bool) -> None:
    result = run("images", file, *options, env=os.environ | environment)
    assert (b"\x1b[" in result.stdout) is colored


def on_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """Runs the command on a terminal of its own and gives what it wrote there."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    child = subprocess.Popen(
        [*PYTHON, *arguments], stdout=theirs, stderr=theirs, env=clean | {"TERM": "xterm"} | environment
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    os.close(ours)
    child.wait()
    return output.decode().replace("\r\n", "\n")


def test_color_on_terminals(file: str) -> None:
    assert "\x1b[1m" in on_terminal("images", file)
    assert "\x1b[" not in on_terminal("images", file, NO_COLOR="1")
    assert "\x1b[" not in on_terminal("images", file, TERM="dumb")
    assert "\x1b[" not in on_terminal("images", file, "--color", "never")


def test_tables_fit_the_terminal(file: str) -> None:
    wide = on_terminal("images", file, "--color", "never", columns=200)
    assert "…" not in wide
    narrow = on_terminal("images", file, "--color", "never", columns=98)
    assert max(len(line) for line in narrow.splitlines()) <= 98
    assert "…" in narrow
    assert "UUID" in wide
    # An ordinary terminal has no room for UUIDs beside paths.
    ordinary = on_terminal("images", file, "--color", "never", columns=80)
    assert max(len(line) for line in ordinary.splitlines()) <= 80
    assert "UUID" not in ordinary
    # Pipes are for programs: nothing is cut there.
    assert "…" not in run("images", file, env=os.environ | {"COLUMNS": "90"}).stdout.decode()


def test_output_that_is_closed(file: str) -> None:
    command = f"exec {sys.executable} -m dyld_atlas images '{file}' >&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, "Traceback" in result.stderr, "closed" in result.stderr) == (2, False, True)


@pytest.mark.parametrize("words", ["show -", "validate -", "at FILE -", "diff FILE -"])
def test_input_that_is_closed(file: str, words: str) -> None:
    command = f"exec {sys.executable} -m dyld_atlas {words.replace('FILE', repr(file))} <&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, "Traceback" in result.stderr) == (2, "", False)
    assert "standard input is closed" in result.stderr


def test_input_that_cannot_be_read(tmp_path: Path) -> None:
    with open(tmp_path / "written", "wb") as sink:
        words = [sys.executable, "-m", "dyld_atlas", "show", "-"]
        result = subprocess.run(words, stdin=sink, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert "standard input: Bad file descriptor" in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_is_full(file: str) -> None:
    # Without a buffer nothing is left to be written when the interpreter ends.
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        words = [sys.executable, "-m", "dyld_atlas", "images", file]
        result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    assert result.returncode == 2
    assert "standard output: No space left" in result.stderr


def test_output_that_the_terminal_cannot_show(file: str) -> None:
    result = run("images", file, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0
    assert rb"\ud55c" in result.stdout


def test_progress_only_for_people(command: Command, file: str) -> None:
    slow = (
        "import sys, time; from dyld_atlas.cli import main, progress; progress._DELAY = 0.01;"
        "from dyld_atlas.cli import inputs; real = inputs.Progress.__exit__;"
        "inputs.Progress.__exit__ = lambda *a: (time.sleep(0.3), real(*a))[1];"
        f"sys.exit(main(['validate', {file!r}]))"
    )
    quiet = subprocess.run([sys.executable, "-c", slow], capture_output=True, check=True)
    assert quiet.stderr == b""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", slow], stdout=subprocess.DEVNULL, stderr=theirs, check=True)
    assert f"reading {file} …".encode() in os.read(ours, 65536)
    os.close(ours)
    os.close(theirs)


def test_help_brings_little_along() -> None:
    # What it takes is measured by scripts/bench (I1); what makes it take longer is to import more.
    code = (
        "import sys; before = set(sys.modules)\n"
        "from dyld_atlas.cli import main\n"
        "try: main(['images', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*set(sys.modules) - before, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"shutil", "json", "typing", "uuid", "dataclasses", "inspect", "importlib.metadata", "dyld_atlas._native"}
    assert heavy & set(ran.stderr.split()) == set()
    assert "usage: dyld-atlas images" in ran.stdout


def test_completion_knows_everything() -> None:
    parser = build_parser()
    actions = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    assert list(actions.choices) == COMMANDS
    for shell, spelling in (("bash", "{}"), ("zsh", "{}"), ("fish", "-l {}")):
        script = run("completion", shell).stdout.decode()
        for known in completion.commands():
            assert known.name in script
            for option in known.options:
                for flag in option.flags:
                    word = flag if shell != "fish" or not flag.startswith("--") else spelling.format(flag[2:])
                    assert word in script or flag[1:] in script


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["dyld-atlas", ""], {*COMMANDS, "--help", "--version"}),
        (["dyld-atlas", "di"], {"diff"}),
        (["dyld-atlas", "images", "--o"], {"--outside-cache"}),
        (["dyld-atlas", "images", "--format", ""], {"table", "tsv"}),
        (["dyld-atlas", "show", "--color", "n"], {"never"}),
        (["dyld-atlas", "completion", ""], {"bash", "zsh", "fish"}),
        (["dyld-atlas", "show", "some"], {"some file.aar"}),
    ],
)
def test_bash_completion(tmp_path: Path, words: list[str], expected: set[str]) -> None:
    script = run("completion", "bash").stdout.decode()
    (tmp_path / "some file.aar").write_bytes(b"")
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script}\ncompopt() {{ :; }}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
        "_dyld_atlas; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    result = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.stderr == ""
    assert set(result.stdout.splitlines()) == expected


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dyld-atlas ", set(COMMANDS)),
        ("dyld-atlas images --o", {"--outside-cache"}),
        ("dyld-atlas images --format ", {"table", "tsv"}),
        ("dyld-atlas completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_fish_completion(tmp_path: Path, line: str, expected: set[str]) -> None:
    script = run("completion", "fish").stdout.decode()
    code = f"{script}\ncomplete -C '{line}'"
    result = subprocess.run(["fish", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.stderr == ""
    assert {words.split("\t")[0] for words in result.stdout.splitlines()} == expected


def test_completion_scripts_are_well_formed() -> None:
    for shell in ("bash", "zsh", "fish"):
        script = run("completion", shell).stdout
        if shutil.which(shell):
            checked = subprocess.run([shell, "-n"], input=script, capture_output=True, check=False)
            assert (checked.returncode, checked.stderr) == (0, b"")
        else:
            assert script.count(b"'") % 2 == 0
            assert not re.search(rb"\bNone\b|==SUPPRESS==", script)
