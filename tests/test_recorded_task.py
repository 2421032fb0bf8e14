"""A recorded task is a process whose every step a test chooses."""

import sys

import pytest

from dyld_atlas import ArchiveError, Process, SchemaError, Snapshot, SnapshotTornError, TaskGoneError, WatcherError
from dyld_atlas.testing import TORN, RecordedStep, RecordedTask, SnapshotBuilder, Torn

FIRST = SnapshotBuilder(pid=7).image("/bin/demo").build()
LATER = SnapshotBuilder(pid=7).image("/bin/demo").image("/usr/lib/libplugin.dylib").build()


def count(process: Process, attempts: int = 3) -> int:
    """What a user of the package might have written: asks again where a snapshot was torn."""
    for _ in range(attempts - 1):
        try:
            return len(process.snapshot().images)
        except SnapshotTornError:
            continue
    return len(process.snapshot().images)


def test_a_program_that_asks_again() -> None:
    task = RecordedTask([FIRST, TORN, LATER])
    assert [count(task), count(task), count(task)] == [1, 2, 2]
    with pytest.raises(SnapshotTornError):
        count(RecordedTask([TORN]))


def test_steps() -> None:
    opened = Snapshot.from_bytes(FIRST, providers=())
    steps: list[RecordedStep] = [opened, bytearray(LATER), SnapshotBuilder(pid=9).image("/bin/other")]
    task = RecordedTask(iter(steps))
    assert isinstance(task, Process)
    assert (task.pid, task.attempts, task.remaining, task.closed) == (7, 0, 3, False)
    assert repr(task) == "<RecordedTask pid=7 remaining=3>"
    assert task.snapshot() is opened
    assert (task.attempts, task.remaining) == (1, 2)
    assert [image.name for image in task.snapshot().images] == ["demo", "libplugin.dylib"]
    last = task.snapshot()
    assert last.images[0].name == "other"
    assert task.snapshot() is last, "where nothing has changed, it is the same one"
    assert task.remaining == 0


def test_faults() -> None:
    gone = TaskGoneError("it has ended", pid=7)
    broken = SnapshotBuilder().image("/bin/demo", extra={"addr": "text"}).build()
    task = RecordedTask([TORN, b"garbage", broken, FIRST, gone])
    assert task.pid == 7, "of the first snapshot that can be read"
    with pytest.raises(SnapshotTornError, match="process 7 published anew") as torn:
        task.snapshot()
    assert torn.value.attempts == 100
    with pytest.raises(ArchiveError):
        task.snapshot()
    with pytest.raises(SchemaError):
        task.snapshot()
    assert len(task.snapshot().images) == 1
    for _ in range(2):
        with pytest.raises(ProcessLookupError) as caught:
            task.snapshot()
        assert caught.value is gone


def test_numbers() -> None:
    assert RecordedTask([TORN]).pid == 1
    assert RecordedTask([FIRST], pid=4711).pid == 4711
    assert (repr(TORN), TORN is Torn.TORN) == ("TORN", True)
    with pytest.raises(ValueError, match="needs a step"):
        RecordedTask([])


def test_closing() -> None:
    with RecordedTask([FIRST]) as task:
        assert repr(task) == "<RecordedTask pid=7 remaining=1>"
    assert task.closed
    assert repr(task).endswith(" closed>")
    with pytest.raises(ValueError, match="process 7 was closed here"):
        task.snapshot()


def test_it_cannot_be_watched() -> None:
    with pytest.raises(WatcherError) as caught:
        RecordedTask([FIRST]).watch()
    assert caught.value.hint is not None


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_no_system_is_needed(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert count(RecordedTask([FIRST])) == 1
