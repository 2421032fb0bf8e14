"""Where files come from that a snapshot names and that are not where it says.

A snapshot names files of the machine it was taken on. On another machine they lie elsewhere, or come from a server, or
are not to be had. A provider is any object with the two methods of :class:`Provider`; they are asked in order, and the
first that gives something wins. What it gives is never taken on trust: a file counts only if its UUID is the one asked
for.
"""

import errno
import os
import stat
from typing import TYPE_CHECKING, Protocol, TypeAlias

from . import _log

if TYPE_CHECKING:
    from uuid import UUID

    from typing_extensions import Buffer

    from ._native import FileIdentifier, SharedCache

__all__ = ["CacheLibrary", "DirectoryProvider", "Provider"]

StrPath: TypeAlias = str | os.PathLike[str]

# As dyld and the kernel: a chain of more links than this is a loop.
_MOST_LINKS = 32


class Provider(Protocol):
    """Supplies files that a snapshot or a cache names and that are not where it says.

    Return bytes, a local path, or None to let the next provider try. What a method raises reaches the caller: of
    ``Snapshot.open`` when the cache's record is looked for, else of what asked for the bytes of a file. A snapshot
    keeps its providers; one that keeps its snapshot in turn keeps both in memory for good.
    """

    def file(self, identifier: "FileIdentifier", /) -> "Buffer | StrPath | None":
        """The file itself: an image, a shared cache or a part of one.

        The other files of a cache are looked for beside its main file, where a provider gave the path of that, and then
        asked for one by one, of all providers in order, each with its UUID and its path beside the main one.
        """
        ...

    def shared_cache_atlas(self, identifier: "FileIdentifier", /) -> "Buffer | StrPath | None":
        """The atlas of the shared cache that ``identifier`` names: what Apple ships beside it as ``.atlas``."""
        ...


def _say(provider: object, what: str, identifier: "FileIdentifier", found: str | None) -> None:
    """Logs what was asked for, and what there is."""
    _log.debug("providers", "%r: %s of %r: %r", provider, what, identifier, found)


def _folder(given: StrPath) -> str:
    """The folder as an absolute path without links."""
    found = os.path.realpath(given, strict=True)
    if not os.path.isdir(found):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(given))
    return found


class DirectoryProvider:
    """A folder that stands for the root of the machine the data came from, such as a mounted disk image.

    Paths are resolved as that machine would have resolved them: an absolute symbolic link starts again at the folder,
    not at this machine's root. Nothing outside of the folder is ever opened, neither by links nor by ``..``, and
    nothing but regular files is returned. The folder is trusted to hold still: a link that is put in place between the
    look-up and the opening is not noticed.
    """

    def __init__(self, root: StrPath) -> None:
        """``root``: the folder, which has to exist.

        Raises:
            NotADirectoryError: it is no folder.
            FileNotFoundError: it is not there.
        """
        self._root = _folder(root)

    @property
    def root(self) -> str:
        """The folder, as an absolute path without links."""
        return self._root

    def __repr__(self) -> str:
        return f"DirectoryProvider({self._root!r})"

    def file(self, identifier: "FileIdentifier", /) -> StrPath | None:
        """The local path of the file that ``identifier.path`` names below the root; None if it is not there."""
        found = None if identifier.path is None else self._find(identifier.path)
        _say(self, "file", identifier, found)
        return found

    def shared_cache_atlas(self, identifier: "FileIdentifier", /) -> StrPath | None:
        """The local path of the atlas beside the cache: its path with the last extension cut, plus ``.atlas``."""
        if not identifier.path:
            return None
        folder, slash, name = identifier.path.rpartition("/")
        stem, dot, _ = name.rpartition(".")
        found = self._find(f"{folder}{slash}{stem if dot and stem else name}.atlas")
        _say(self, "atlas", identifier, found)
        return found

    def _find(self, path: str) -> str | None:
        """Walks ``path`` below the root one component at a time; None as soon as it would leave or does not exist."""
        todo = path.split("/")[::-1]
        done: list[str] = []
        links = 0
        status: os.stat_result | None = None
        while todo:
            component = todo.pop()
            if component in ("", "."):
                continue
            if component == "..":
                if not done:
                    return None
                done.pop()
                continue
            if os.sep != "/" and any(mark in component for mark in (os.sep, ":")):
                return None
            here = os.path.join(self._root, *done, component)
            try:
                status = os.lstat(here)
                if stat.S_ISLNK(status.st_mode):
                    links += 1
                    target = os.readlink(here)
                    if links > _MOST_LINKS:
                        return None
                    if target.startswith("/"):
                        done.clear()
                    todo.extend(target.split("/")[::-1])
                    continue
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                if error.errno in (errno.ENAMETOOLONG, errno.EINVAL):
                    return None
                raise
            except ValueError:
                # NUL, or text that is no name of a file here.
                return None
            done.append(component)
        # The last component may have been `..`: what counts is what the whole walk arrived at.
        found = os.path.join(self._root, *done)
        return found if done and stat.S_ISREG(os.lstat(found).st_mode) else None


class CacheLibrary:
    """The shared caches below a folder, found once and known by UUID: a provider of their records and files.

    For whoever keeps the caches of many systems, to read snapshots from many machines:

        library = CacheLibrary("caches/")
        snapshot = Snapshot.from_bytes(data, providers=[library])

    Where a cache has no ``.atlas``, its record is made from its headers. Files of a cache are found by UUID alone, so
    that it does not matter where the snapshot's machine had them, nor whether they lie in one folder here. The library
    has nothing of images that lie in no cache: put a :class:`DirectoryProvider` beside it for those. What is put into
    the folder later is not noticed.
    """

    def __init__(self, folder: StrPath) -> None:
        """``folder``: searched with all folders in it. What cannot be opened is left out, with a RuntimeWarning.

        Raises:
            NotADirectoryError: it is no folder.
            FileNotFoundError: it is not there.
        """
        from ._native import SharedCache

        self._folder = _folder(folder)
        # Of copies of one cache the one that lacks least; whatever it lacks may lie beside another.
        found = sorted(SharedCache.find(self._folder), key=lambda cache: len(cache.missing_files))
        self._all: list[SharedCache] = []
        self._caches: dict[UUID, SharedCache] = {}
        self._atlases: dict[UUID, bytes] = {}
        self._files: dict[UUID, str] = {}
        for cache in found:
            # Before dyld-239.3 caches had no UUID: nothing says that two are the same.
            if not cache.uuid.int:
                self._all.append(cache)
                continue
            if self._caches.setdefault(cache.uuid, cache) is cache:
                self._all.append(cache)
            absent = set(cache.missing_files)
            files = [(file.uuid, file.file_path) for file in cache.subcaches]
            if cache.local_symbols_uuid is not None and cache.local_symbols_path is not None:
                files.append((cache.local_symbols_uuid, cache.local_symbols_path))
            for uuid, path in files:
                if os.path.basename(path) not in absent:
                    self._files.setdefault(uuid, path)

    @property
    def folder(self) -> str:
        """The folder, as an absolute path without links."""
        return self._folder

    @property
    def caches(self) -> "tuple[SharedCache, ...]":
        """Every cache that was found, each UUID once: those with all their files come first.

        Caches without a UUID, from before dyld-239.3, are all there; no snapshot names one.
        """
        return tuple(self._all)

    def by_uuid(self, uuid: "UUID | str | bytes", /) -> "SharedCache":
        """The cache with the UUID.

        Raises:
            KeyError: there is none.
            ValueError: ``uuid`` is no UUID.
        """
        from ._native import FileIdentifier

        # Takes a UUID in all its forms, and says what is none.
        wanted = FileIdentifier(uuid=uuid).uuid
        if wanted is None or wanted not in self._caches:
            raise KeyError(f"no cache below {self._folder} has the UUID {wanted}")
        return self._caches[wanted]

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"<CacheLibrary {self._folder!r} caches={len(self._all)}>"

    def file(self, identifier: "FileIdentifier", /) -> StrPath | None:
        """The path of the file of a cache, main file or not, that has the UUID; None if there is none."""
        found = None if identifier.uuid is None else self._files.get(identifier.uuid)
        _say(self, "file", identifier, found)
        return found

    def shared_cache_atlas(self, identifier: "FileIdentifier", /) -> bytes | None:
        """The atlas of the cache whose UUID is ``identifier.uuid``, made once; None if there is none.

        Also None where files of the cache are missing and it has no ``.atlas``: its headers do not say everything then,
        and the snapshot makes the record of all files that it can get.
        """
        if identifier.uuid is None or (cache := self._caches.get(identifier.uuid)) is None:
            _say(self, "atlas", identifier, None)
            return None
        if cache.missing_files and cache.record_origin == "scavenged":
            return None
        atlas = self._atlases.get(identifier.uuid)
        if atlas is None:
            # The same object each time: who sees it again does not read it again.
            atlas = self._atlases.setdefault(identifier.uuid, cache.to_atlas())
        _say(self, "atlas", identifier, cache.file_paths[0])
        return atlas
