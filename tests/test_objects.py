"""What holds for every class of the package: weak references, copies, pickles and texts that command no terminal."""

from __future__ import annotations

import copy
import inspect
import pickle
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dyld_atlas
from command_line import NASTY
from dyld_atlas import FileIdentifier, Limits, SharedCache, Snapshot, _native, diff, formats
from dyld_atlas.formats import AOTCacheHeader, Archive, ArchiveWriter, MachO
from dyld_atlas.testing import CacheBuilder, SharedCacheBuilder, SimulatedProcess, SnapshotBuilder
from test_cache_tables import region, translations, write

# Whoever copies a writer wants a second one: it says that it cannot.
MUTABLE = {"ArchiveWriter"}
PICKLES = {"Snapshot", "Limits", "FileIdentifier"}
# What is made by those in the list below, and is not public.
PRIVATE = {"Call", "Calls", "Changes", "ColumnBuffer", "LazySequence", "Task", "Watch"}
UGLY = "\x1b]0;evil\x07\r\n"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An object of each native class, by the public name of that, with names that would command a terminal."""
    folder = tmp_path_factory.mktemp("objects")
    main = SharedCacheBuilder(name=f"cache{UGLY}").image(NASTY).write(folder)
    cache = SharedCache.open(main)
    record = CacheBuilder(f"/caches/{UGLY}").image(NASTY, segments=[(f"__T{UGLY}", 0x4000)])
    image = SnapshotBuilder().image(f"/bin/{UGLY}", segments=[(f"__T{UGLY}", 0x4000)], address=0x1_0000_0000)
    builder = (
        image.shared_cache(record, slide=0x4000, embed=True)
        .environment(f"/{UGLY}")
        .aot_image(x86_address=1, aot_address=2)
    )
    snapshot = Snapshot.from_bytes(builder.build(), providers=())
    writer = ArchiveWriter()
    writer.add_file(UGLY, b"")
    archive = Archive.from_bytes(writer.to_bytes())
    macho = MachO.from_bytes(bytes(cache.images[0].segments[0].data()))
    with_tables = SharedCache.open(write(folder / "tables"))
    made = [
        snapshot,
        snapshot.images,
        snapshot.images[0],
        snapshot.images[0].segments[0],
        snapshot.resolve(0x1_0000_0000),
        snapshot.images.columns(),
        snapshot.images.segment_columns(),
        snapshot.shared_cache_record,
        snapshot.environment,
        snapshot.aot_images[0],
        diff(snapshot, snapshot),
        cache,
        cache.subcaches[0],
        cache.mappings()[0],
        cache.images[0].segments[0].sections[0],
        cache.pointers(),
        cache.memory_map()[0],
        cache.pointers()[0],
        cache.pointers().columns(),
        Limits(),
        FileIdentifier(path=UGLY),
        archive,
        archive.entries[0],
        writer,
        macho,
        macho.slices[0],
        with_tables.function_variants()[0],
        with_tables.dynamic_data(region()),
        AOTCacheHeader.from_bytes(translations()),
    ]
    return {type(each).__name__.removesuffix("_"): each for each in made}


def native() -> set[str]:
    """The public names of the native classes."""
    classes = {name.removesuffix("_") for name, value in vars(_native).items() if inspect.isclass(value)}
    return classes - PRIVATE


def texts(made: Any) -> Iterator[str]:
    yield repr(made)
    yield str(made)


def test_no_class_is_forgotten(objects: dict[str, Any]) -> None:
    assert native() - set(objects) == {"Change"}
    assert native() <= set(dyld_atlas.__all__) | set(formats.__all__)


@pytest.mark.parametrize("name", sorted(native() - {"Change"}))
def test_rules(objects: dict[str, Any], name: str) -> None:
    made = objects[name]
    assert weakref.ref(made)() is made
    for text in texts(made):
        assert text.isprintable(), text
    if name in MUTABLE:
        with pytest.raises(TypeError, match="cannot pickle"):
            copy.copy(made)
        return
    assert copy.copy(made) is made
    assert copy.deepcopy(made) is made
    assert copy.deepcopy([made])[0] is made
    if name in PICKLES:
        assert type(pickle.loads(pickle.dumps(made))) is type(made)
    else:
        with pytest.raises(TypeError, match=r"cannot pickle an? \w+[,:]") as raised:
            pickle.dumps(made)
        assert name in str(raised.value)


def test_sequences(objects: dict[str, Any]) -> None:
    for made in (objects["ImageList"][:1], objects["SharedCacheRecord"].used_images, objects["Archive"].entries):
        assert weakref.ref(made)() is made
        assert copy.copy(made) is copy.deepcopy(made) is made
        with pytest.raises(TypeError, match="pickle a tuple"):
            pickle.dumps(made)


def test_changes() -> None:
    with SimulatedProcess([f"/bin/{UGLY}"]) as simulated, simulated.process.watch() as watcher:
        made: Any = next(iter(watcher))
        assert weakref.ref(made)() is made
        assert copy.copy(made) is copy.deepcopy(made) is made
        assert repr(made).isprintable()
        with pytest.raises(TypeError, match="cannot pickle a Change, "):
            pickle.dumps(made)


def test_providers_show_paths_in_quotes(tmp_path: Path) -> None:
    folder = tmp_path / UGLY
    folder.mkdir()
    for provider in (dyld_atlas.DirectoryProvider(folder), dyld_atlas.CacheLibrary(folder)):
        assert repr(provider).isprintable()


def test_a_writer_may_have_subclasses() -> None:
    class Writer(ArchiveWriter):
        def add_text(self, path: str, text: str) -> None:
            self.add_file(path, text.encode())

    writer = Writer()
    writer.add_text("a", "text")
    assert bytes(Archive.from_bytes(writer.to_bytes())["a"]) == b"text"


def test_leaving_a_block_by_hand() -> None:
    with SimulatedProcess() as simulated:
        process = simulated.process
        watcher = process.watch()
        watcher.__exit__()
        process.__exit__()
        assert process.closed
        simulated.__exit__()
