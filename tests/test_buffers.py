"""Memory across the border: what is taken in place, what is copied, and what is exported."""

import array
import ctypes
import gc
import mmap
import sys
import tempfile
import weakref

import numpy as np
import pytest

from dyld_atlas.formats import Archive, ArchiveWriter, plist_dumps, plist_loads

PLIST = plist_dumps({"key": ["value", 1, 2.5, b"data"]})
VALUE = plist_loads(PLIST)


def archive(data: object) -> bytes:
    writer = ArchiveWriter()
    writer.add_file("file", data)  # type: ignore[arg-type]
    return writer.to_bytes()


def view_of(data: bytes) -> memoryview:
    return Archive.from_bytes(archive(data))["file"]


@pytest.mark.parametrize(
    "wrap",
    [
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(data)),
        lambda data: memoryview(b"xx" + data + b"yyy")[2:-3],
        lambda data: memoryview(bytes(byte for pair in zip(data, data, strict=True) for byte in pair))[::2],
        lambda data: memoryview(data[::-1])[::-1],
        lambda data: array.array("B", data),
        lambda data: np.frombuffer(data, np.uint8),
        lambda data: np.frombuffer(data, "V1"),
        lambda data: np.frombuffer(data + b"x" * (-len(data) % 4), "<u4") if len(data) % 4 == 0 else data,
        lambda data: type("Subclass", (bytes,), {})(data),
        lambda data: memoryview(view_of(data)),
        lambda data: view_of(b"zz" + data)[2:],
    ],
)
def test_every_buffer_is_taken(wrap: object) -> None:
    assert plist_loads(wrap(PLIST)) == VALUE  # type: ignore[operator]


def test_a_mapped_file_is_copied() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(archive(b"content"))
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            opened = Archive.from_bytes(mapped)
        # Nothing holds the mapping any more: closing it would have raised BufferError.
        assert bytes(opened["file"]) == b"content"


def test_memory_that_can_change_is_copied() -> None:
    data = bytearray(archive(b"before"))
    opened = Archive.from_bytes(data)
    for index in range(len(data)):
        data[index] = 0
    data.clear()
    assert bytes(opened["file"]) == b"before"


@pytest.mark.parametrize("make", [bytes, lambda data: memoryview(b"x" + data)[1:]])
def test_bytes_are_used_in_place_and_kept_alive(make: object) -> None:
    data = make(archive(b"y" * 1000))  # type: ignore[operator]
    base = data.obj if isinstance(data, memoryview) else data
    before = sys.getrefcount(base)
    opened = Archive.from_bytes(data)
    assert sys.getrefcount(base) > before
    view = opened["file"]
    start = np.frombuffer(base, np.uint8).ctypes.data
    assert start <= np.asarray(view).ctypes.data < start + len(base)
    del opened
    gc.collect()
    assert sys.getrefcount(base) > before, "the view keeps the bytes alive"
    assert bytes(view) == b"y" * 1000
    del view
    gc.collect()
    assert sys.getrefcount(base) == before


@pytest.mark.parametrize("wrong", [None, 5, "text", [1, 2], object()])
def test_what_is_no_buffer_is_a_type_error(wrong: object) -> None:
    with pytest.raises(TypeError):
        plist_loads(wrong)  # type: ignore[arg-type]


def test_views_are_read_only_and_copy_nothing() -> None:
    view = view_of(b"some data")
    assert (view.readonly, view.format, view.ndim, view.shape, view.strides) == (True, "B", 1, (9,), (1,))
    assert view.c_contiguous
    assert np.asarray(view).flags.writeable is False
    assert np.asarray(view).ctypes.data == np.asarray(view[:]).ctypes.data
    with pytest.raises(TypeError):
        view[0] = 1


class PyBuffer(ctypes.Structure):
    """`Py_buffer` of CPython."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    ]


WRITABLE, FORMAT, ND, STRIDES, INDIRECT = 0x1, 0x4, 0x8, 0x18, 0x118
C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS = 0x38, 0x58, 0x98


@pytest.mark.parametrize(
    "flags",
    [0, FORMAT, ND, STRIDES, INDIRECT, C_CONTIGUOUS, F_CONTIGUOUS, ANY_CONTIGUOUS, FORMAT | STRIDES, FORMAT | INDIRECT],
)
def test_each_kind_of_consumer_gets_the_fields_that_it_asks_for(flags: int) -> None:
    exporter = view_of(b"abc").obj
    count = sys.getrefcount(exporter)
    view = PyBuffer()
    assert ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(exporter), ctypes.byref(view), flags) == 0
    assert (ctypes.string_at(view.buf, view.len), view.itemsize, view.readonly, view.ndim) == (b"abc", 1, 1, 1)
    assert view.obj is exporter
    assert view.format == (b"B" if flags & FORMAT else None)
    assert bool(view.shape) == (flags & ND == ND)
    assert bool(view.strides) == (flags & STRIDES == STRIDES)
    assert not view.suboffsets
    if view.shape:
        assert view.shape[0] == 3
    if view.strides:
        assert view.strides[0] == 1
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))
    assert sys.getrefcount(exporter) == count


@pytest.mark.parametrize("flags", [WRITABLE, WRITABLE | STRIDES | FORMAT])
def test_nobody_gets_to_write(flags: int) -> None:
    exporter = view_of(b"abc").obj
    count = sys.getrefcount(exporter)
    view = PyBuffer()
    with pytest.raises(BufferError, match="read-only"):
        ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(exporter), ctypes.byref(view), flags)
    assert sys.getrefcount(exporter) == count


def test_an_empty_view_is_a_view() -> None:
    assert bytes(view_of(b"")) == b""
    assert np.asarray(view_of(b"")).size == 0


def test_the_exporter_is_a_sequence_too() -> None:
    exporter = view_of(b"abc").obj
    assert len(exporter) == 3
    assert [exporter[0], exporter[-1]] == [97, 99]
    assert list(exporter) == [97, 98, 99]
    assert repr(exporter) == "<ColumnBuffer 3 uint8>"
    for index in (3, -4, 1 << 70):
        with pytest.raises((IndexError, OverflowError)):
            exporter[index]
    assert weakref.ref(exporter)() is exporter
