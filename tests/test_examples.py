"""The bundled snapshots are what their script makes, and what they are said to be."""

import plistlib
import runpy
from pathlib import Path

import pytest

from dyld_atlas import ProcessState, Snapshot, diff
from dyld_atlas.formats import Archive

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NAMES = ("calculator.aar", "calculator-at-launch.aar")


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    """The files as the script makes them now."""
    files: dict[str, bytes] = runpy.run_path(str(EXAMPLES / "make_calculator.py"))["files"]()
    return files


@pytest.mark.parametrize("name", NAMES)
def test_the_bundled_file_is_what_the_script_makes(name: str, made: dict[str, bytes]) -> None:
    assert set(made) == set(NAMES)
    assert (EXAMPLES / name).read_bytes() == made[name], "run examples/make_calculator.py and commit what it writes"


def test_the_bundled_cache_is_what_the_script_makes() -> None:
    made: dict[str, bytes] = runpy.run_path(str(EXAMPLES / "make_cache.py"))["files"]()
    bundled = {path.name: path.read_bytes() for path in (EXAMPLES / "cache").iterdir()}
    assert bundled == made, "run examples/make_cache.py and commit what it writes"
    assert sum(map(len, bundled.values())) < 250_000


@pytest.mark.parametrize("name", NAMES)
def test_the_bundled_file_is_realistic_and_small(name: str) -> None:
    path = EXAMPLES / name
    assert path.stat().st_size < 400_000
    archive = Archive.open(path)
    assert archive.codec == "lzfse"
    assert archive.checksum_ok is True
    snapshot = Snapshot.open(path, providers=())
    assert snapshot.shared_cache is not None
    assert len(snapshot.shared_cache.images) > 700
    assert len(snapshot.images) > 480
    assert not snapshot.warnings


def test_the_bundled_file_says_the_same_to_plistlib() -> None:
    archive = Archive.open(EXAMPLES / "calculator.aar")
    process = plistlib.loads(bytes(archive["process.plist"]))
    snapshot = Snapshot.open(EXAMPLES / "calculator.aar", providers=())
    record = snapshot.shared_cache_record
    assert record is not None
    assert (process["proc"], process["stat"]) == (snapshot.pid, snapshot.state)
    cache = plistlib.loads(bytes(archive[f"caches/uuids/{str(record.uuid).upper()}.plist"]))
    images = cache["uuids"][str(record.uuid).upper()]["imgs"]
    bits = int.from_bytes(process["dsc1"]["bitm"], "little")
    used = [image["name"] for index, image in enumerate(images) if bits >> index & 1]
    own = [image["file"] for image in process["imgs"]]
    assert [image.file_path for image in snapshot.images if image.shared_cache is None] == own
    assert [image.install_name for image in snapshot.images if image.shared_cache is not None] == used


def test_the_two_snapshots_differ_as_they_should() -> None:
    later, earlier = (Snapshot.open(EXAMPLES / name, providers=()) for name in NAMES)
    change = diff(earlier, later)
    assert earlier.state == ProcessState.RUNNING_INITIALIZERS
    assert later.state == ProcessState.RUNNING
    assert {"BasicAndSci", "AGXMetalG13X"} <= {image.name for image in change.loaded}
    assert not change.unloaded
    assert not change.moved
    assert len(change.loaded) == len(later.images) - len(earlier.images)
