"""Memory of a shared cache: pinning, views and what keeps them alive, threads, fork, and a file that is cut short."""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from cache_files import GOOD, CacheFiles
from dyld_atlas import SharedCache
from test_concurrency import lets_go, together

OTHER = "split/macos26-slide5"


@pytest.fixture
def cache(cache_files: CacheFiles) -> SharedCache:
    return SharedCache.open(cache_files.facts(GOOD).path)


def expected(cache: SharedCache) -> dict[int, bytes]:
    """Every mapping by where it lies in the whole."""
    base = cache.preferred_load_address
    return {each.preferred_load_address - base: bytes(each.data()) for each in cache.mappings()}


def test_the_whole_cache(cache: SharedCache) -> None:
    with cache.pinned() as view:
        last = max(cache.mappings(), key=lambda mapping: mapping.preferred_load_address)
        size = last.preferred_load_address + last.size - cache.preferred_load_address
        assert (view.nbytes, view.readonly, view.format) == (size, True, "B")
        covered = 0
        for start, data in sorted(expected(cache).items()):
            assert not any(view[covered:start])
            assert view[start : start + len(data)] == data
            covered = start + len(data)
    with pytest.raises(ValueError, match="released"):
        view[0]


def test_pins_are_counted(cache: SharedCache, cache_files: CacheFiles) -> None:
    other = SharedCache.open(cache_files.facts(GOOD).path)
    with pytest.raises(ValueError, match="not pinned"):
        cache.unpin()
    cache.pin()
    other.pin()
    cache.pin()
    with cache.pinned() as inner:
        assert bytes(inner[:7]) == b"dyld_v1"
    cache.unpin()
    other.unpin()
    cache.unpin()
    with pytest.raises(ValueError, match="not pinned"):
        other.unpin()


def test_views_keep_it_pinned(cache: SharedCache) -> None:
    pin = cache.pinned()
    view = pin.__enter__()
    part = view[0x100:0x200]
    with pytest.raises(BufferError):
        pin.__exit__(None, None, None)
    content = bytes(part)
    assert cache.read(cache.preferred_load_address + 0x100, 0x100) == content
    part.release()
    pin.__exit__(None, None, None)


def test_data_of_segments_is_a_view_too(cache: SharedCache) -> None:
    """What is handed out of the pinned memory counts, and what was handed out before does not hang in the air."""
    segment = cache.images[0].segment("__TEXT")
    before = segment.data()
    cache.pin()
    during = segment.data()
    assert before == during
    with contextlib.suppress(BufferError):
        cache.unpin()
    assert during == before
    del during
    with contextlib.suppress(ValueError):
        cache.unpin()
    assert before == segment.data()


def test_an_error_in_the_block_passes_through(cache: SharedCache) -> None:
    with pytest.raises(KeyError), cache.pinned():
        raise KeyError(1)
    with pytest.raises(ValueError, match="not pinned"):
        cache.unpin()


def test_an_error_counts_for_more_than_views_that_it_holds(cache: SharedCache) -> None:
    def parse(data: memoryview) -> None:
        raise KeyError(len(data))

    with pytest.raises(KeyError) as caught, cache.pinned() as memory:
        parse(memory[:16])
    assert "stays pinned" in caught.value.__notes__[0]
    del caught, memory
    gc.collect()
    cache.unpin()


def test_views_outlive_the_cache(cache_files: CacheFiles) -> None:
    cache = SharedCache.open(cache_files.facts(OTHER).path)
    segment, section = cache.images[2].segment("__TEXT"), cache.images[2].sections[0]
    views = [segment.data(), section.data(), cache.subcaches[0].layout(), cache.mappings()[0].data()]
    copies = [bytes(view) for view in views]
    symbols = cache.local_symbols()
    assert symbols is not None
    gone = weakref.ref(cache)
    del cache, segment, section
    gc.collect()
    assert gone() is None
    assert [bytes(view) for view in views] == copies
    assert len(bytes(symbols)) == len(symbols)


def test_views_are_read_only(cache: SharedCache) -> None:
    for view in (cache.images[0].segments[0].data(), cache.subcaches[0].layout(), cache.mappings()[0].data()):
        with pytest.raises(TypeError):
            view[0] = 1


def test_zero_fill(cache_files: CacheFiles) -> None:
    cache = SharedCache.open(cache_files.facts("real/arm64e-objc").path)
    filled = [segment for image in cache.images for segment in image.segments if segment.vm_size > segment.file_size]
    assert filled
    for segment in filled:
        data = segment.data()
        assert data.nbytes == segment.vm_size
        assert not any(data[segment.file_size :])


def test_many_threads_pin_once(cache_files: CacheFiles) -> None:
    path = cache_files.facts(GOOD).path
    expected_bytes = SharedCache.open(path).read(SharedCache.open(path).preferred_load_address, 0x4000)
    held = SharedCache.open(path)
    held.pin()
    maps = Path("/proc/self/maps")
    before = len(maps.read_bytes().splitlines()) if maps.exists() else 0

    def work(_: int) -> bytes:
        cache = SharedCache.open(path)
        taken = b""
        for _ in range(50):
            with cache.pinned() as view:
                taken = bytes(view[:0x4000])
        return taken

    assert set(together(work)) == {expected_bytes}
    if maps.exists():
        # One reservation for all: no more mappings than a thread's stack and arena bring.
        assert len(maps.read_bytes().splitlines()) <= before + 40
    held.unpin()


def test_threads_read_what_they_like(cache: SharedCache) -> None:
    segments = [segment for image in cache.images for segment in image.segments]
    copies = [bytes(segment.data()) for segment in segments]

    def work(number: int) -> bool:
        for index in range(len(segments)):
            place = (index + number) % len(segments)
            segment = segments[place]
            if segment.data() != copies[place]:
                return False
            start = segment.preferred_load_address
            if segment.file_size and cache.read(start, segment.file_size) != copies[place][: segment.file_size]:
                return False
        return True

    assert together(work) == [True] * 8


def test_every_thread_gets_all_pointers(cache: SharedCache) -> None:
    first = [int(each.address) for each in cache.pointers()]
    assert all(found == first for found in together(lambda _: [int(each.address) for each in cache.pointers()]))


@pytest.mark.parametrize("name", ["open", "find", "pointers", "verify", "read"])
def test_the_interpreter_is_let_go(cache_files: CacheFiles, cache: SharedCache, name: str) -> None:
    path = cache_files.facts(GOOD).path
    last = cache.mappings()[-1]
    lets_go(
        {
            "open": lambda: SharedCache.open(path),
            "find": lambda: SharedCache.find(path.parent),
            "pointers": cache.pointers,
            "verify": cache.verify,
            "read": lambda: cache.read(last.preferred_load_address, last.size),
        }[name],
        times=100,
    )


def test_caches_are_freed(cache_files: CacheFiles) -> None:
    """Opening the same cache again and again leaves nothing mapped."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    path = cache_files.facts(OTHER).path

    def work() -> None:
        cache = SharedCache.open(path)
        with cache.pinned() as view:
            _ = bytes(view[:16]) + bytes(cache.images[0].segments[0].data()[:16])
        len(cache.pointers())

    def mapped() -> int:
        return sum(1 for line in maps.read_bytes().splitlines() if os.fsencode(path.parent) in line)

    work()
    gc.collect()
    before = mapped()
    for _ in range(20):
        work()
    gc.collect()
    assert mapped() <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_may_go_on(cache: SharedCache) -> None:
    cache.pin()
    content = bytes(cache.images[0].segments[0].data())
    child = os.fork()
    if child == 0:
        good = False
        with contextlib.suppress(BaseException):
            good = bytes(cache.images[0].segments[0].data()) == content
            cache.unpin()
            with cache.pinned() as view:
                good = good and bytes(view[:7]) == b"dyld_v1"
        os._exit(0 if good else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    cache.unpin()
    assert threading.active_count() >= 1


CUT_SHORT = """
import os, sys
from dyld_atlas import SharedCache
path, mode, what = sys.argv[1:]
cache = SharedCache.open(path, mode=mode)
segment = cache.images[5].segment("__TEXT")
address = segment.preferred_load_address
file = next(m.file_path for m in cache.mappings() if 0 <= address - m.preferred_load_address < m.size)
if what == "again":
    cache.read(address, 64)
held = segment.data() if what == "held" else None
os.truncate(file, 4096)
try:
    if held is not None:
        data = bytes(held)
    elif what == "view":
        data = bytes(segment.data())
    else:
        data = cache.read(address, 64)
    print("read", data[:4].hex())
except Exception as error:
    print("raised", type(error).__name__)
"""


def cut_short(main: Path, mode: str, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CUT_SHORT, str(main), mode, what], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="files are mapped in another way")
@pytest.mark.parametrize("what", ["view", "read", "again", "held"])
def test_a_copy_cannot_be_cut_short(cache_files: CacheFiles, tmp_path: Path, what: str) -> None:
    result = cut_short(cache_files.copy(GOOD, tmp_path / "cache"), "copy", what)
    assert (result.returncode, result.stdout) == (0, "read cffaedfe\n"), result.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGBUS"), reason="files are mapped in another way")
@pytest.mark.parametrize("what", ["view", "read", "again"])
def test_a_mapped_file_that_is_cut_short(cache_files: CacheFiles, tmp_path: Path, what: str) -> None:
    """Whoever asks after the file was cut gets an error. Only a view that is held already can end the process."""
    result = cut_short(cache_files.copy(GOOD, tmp_path / "cache"), "map", what)
    assert (result.returncode, result.stdout) == (0, "raised CacheError\n"), result.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGBUS"), reason="files are mapped in another way")
def test_a_view_of_a_file_that_is_cut_short(cache_files: CacheFiles, tmp_path: Path) -> None:
    """What remains, as docs/SAFETY.md says."""
    result = cut_short(cache_files.copy(GOOD, tmp_path / "cache"), "map", "held")
    assert result.returncode in (0, -signal.SIGBUS), result.stderr


def test_truncated_before_it_is_opened(cache_files: CacheFiles, tmp_path: Path) -> None:
    main = cache_files.copy(GOOD, tmp_path / "cache")
    os.truncate(f"{main}.02.dylddata", 0x8000)
    cache = SharedCache.open(main)
    assert any("02.dylddata" in line for line in (*cache.warnings, *cache.verify()))
    for image in cache.images:
        for segment in image.segments:
            with contextlib.suppress(LookupError, ValueError):
                segment.data()
