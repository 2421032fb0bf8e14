"""The public builder of shared caches."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from ...enums import Platform
from .._cache import CacheBuilder
from .._records import AUTOMATIC, Automatic, UUIDLike, automatic_uuid, uuid_bytes
from .architectures import architecture as architecture_of
from .assembly import Assembled, Plan, assemble
from .contents import Content, Image, Place, PointerTo, section
from .generations import generation as generation_of
from .header import has
from .record import record

if TYPE_CHECKING:
    import os
    from typing import Self

__all__ = ["SharedCacheBuilder"]


class SharedCacheBuilder:
    """Writes the files of a shared cache: small, but with all that a real one has.

    >>> from dyld_atlas.testing import PointerTo, SharedCacheBuilder
    >>> builder = SharedCacheBuilder("arm64e").image("/usr/lib/libz.1.dylib")
    >>> builder = builder.image("/usr/lib/libdemo.dylib", sections={
    ...     "__TEXT,__text": bytes(64),
    ...     "__AUTH,__data": [b"version\\0", PointerTo("/usr/lib/libz.1.dylib", section="__TEXT,__text", key="IA")],
    ... })
    >>> sorted(builder.build())[1:4]
    ['dyld_shared_cache_arm64e.01', 'dyld_shared_cache_arm64e.02.dylddata', 'dyld_shared_cache_arm64e.03.dyldlinkedit']
    >>> hex(builder.address("/usr/lib/libdemo.dylib", "__AUTH,__data", 8))
    '0x180214008'

    Images are placed in the order in which they are added. The same calls give the same bytes. There is no machine code
    in it but what you give, and no code signature.
    """

    def __init__(
        self,
        architecture: str = "arm64e",
        generation: str = "macos26",
        *,
        name: str | None = None,
        uuid: UUIDLike | Automatic = AUTOMATIC,
        base: int | None = None,
        platform: int = Platform.MACOS,
        os_version: str | None = None,
        slide_version: int | None = None,
        cache_type: int = 2,
        local_symbols: bool = True,
        header_size: int | None = None,
        raw_header: Mapping[int, bytes] | None = None,
    ) -> None:
        """A cache without images.

        Args:
            architecture: ``arm64e``, ``arm64e.x1``, ``arm64``, ``x86_64``, ``x86_64h`` or ``arm64_32``.
            generation: ``macos10.6``, ``macos10.9``, ``macos10.12`` or ``macos11`` for a single file; ``macos12`` for
                subcaches ``.1`` to ``.3``; ``macos13``, ``macos15``, ``macos26`` or ``macos27`` for subcaches whose
                names the header spells out.
            name: of the main file; ``dyld_shared_cache_`` and the architecture unless given.
            uuid: derived from name, architecture and generation unless given. Before macos10.9 there was none.
            base: unslid address of the main file; the architecture's own unless given.
            platform: see :class:`~dyld_atlas.Platform`.
            os_version: such as ``26.0.1``; that of the generation unless given.
            slide_version: 1 to 5, how pointers are written; what the architecture had at that time unless given.
            cache_type: 0 development, 1 production, 2 universal.
            local_symbols: whether there is a ``.symbols`` file, or in a single file the part that it comes from.
            header_size: bytes, to leave fields out or to make room for unknown ones.
            raw_header: bytes by offset, put over the finished header of the main file, for tests of malformed caches.
        """
        self._architecture = architecture_of(architecture)
        self._generation = generation_of(generation)
        self._header_size = header_size or self._generation.header_size
        self.name = name or self._architecture.file_name
        named = uuid if uuid != AUTOMATIC else self._automatic("")
        self.uuid = UUID(bytes=uuid_bytes(named)) if has(self._header_size, "uuid") else UUID(int=0)
        self.base = self._architecture.base if base is None else base
        self._platform = int(platform)
        self._os_version = os_version or self._generation.name.removeprefix("macos")
        self._slide_version = slide_version or self._usual_slide_version()
        if self._slide_version not in self._architecture.slide_versions:
            raise ValueError(
                f"no slide version {slide_version} for {architecture}: {self._architecture.slide_versions}"
            )
        self._cache_type = cache_type
        self._local_symbols = local_symbols
        self._raw_header = dict(raw_header or {})
        self._images: list[Image] = []
        self._made: Assembled | None = None

    def image(
        self,
        install_name: str,
        *,
        uuid: UUIDLike | Automatic | None = AUTOMATIC,
        sections: Mapping[str, Content] | None = None,
        exports: Mapping[str, Place] | None = None,
        local_symbols: Mapping[str, Place] | None = None,
        aliases: Sequence[str] = (),
        dependencies: Sequence[str] = (),
    ) -> "Self":
        """Adds an image.

        Args:
            install_name: such as ``/usr/lib/libobjc.A.dylib``.
            uuid: derived from the install name unless given; None leaves it out.
            sections: contents by ``__SEGMENT,__section``: bytes, a :class:`PointerTo`, a list of both, or a number of
                zero bytes that the file does not hold. Some bytes of text and a pointer to the image unless given. The
                name of a segment says which mapping it goes to: ``__AUTH``, ``__DATA_CONST`` and so on.
            exports: where exported symbols lie: a section, or a section and an offset.
            local_symbols: the same for those that nobody else sees.
            aliases: other paths of the image.
            dependencies: install names of what it links to.
        """
        if sections is None:
            text = automatic_uuid("text", install_name).bytes * 4
            sections = {"__TEXT,__text": text, "__DATA,__data": PointerTo(install_name)}
        size = self._architecture.pointer_size
        made = [section(key, content, size) for key, content in sections.items()]
        if uuid == AUTOMATIC:
            uuid = automatic_uuid("image", install_name)
        image = Image(install_name, None if uuid is None else UUID(bytes=uuid_bytes(uuid)), made)
        image.exports, image.local_symbols = dict(exports or {}), dict(local_symbols or {})
        image.aliases, image.dependencies = tuple(aliases), tuple(dependencies)
        for place in (*image.exports.values(), *image.local_symbols.values()):
            image.place(place)
        self._images.append(image)
        self._made = None
        return self

    def address(self, install_name: str, section: str | None = None, offset: int = 0) -> int:
        """The unslid address of an image's header, or of a section, once all images are added."""
        for each in self._assembled().images:
            if each.image.install_name == install_name:
                start = each.address if section is None else each.image.section(section).address
                return start + offset
        raise ValueError(f"no image {install_name!r} in the cache")

    def build(self) -> dict[str, bytes]:
        """The files by their names, the main one first. ValueError for a pointer that cannot be written."""
        return {self._stem(suffix) + suffix: data for suffix, data in self._assembled().data.items()}

    def record(self, path: str | None = None) -> CacheBuilder:
        """What an atlas says of the cache: for ``SnapshotBuilder.shared_cache``, and for :meth:`write`.

        Args:
            path: of the main file, on the machine that the record comes from; beside the system's own unless given.
        """
        return record(self._assembled(), path or f"/System/Library/dyld/{self.name}", self._local_symbols)

    def write(self, folder: "str | os.PathLike[str]", *, atlas: bool = False, codec: str | None = None) -> Path:
        """Writes the files into a folder, which is made if needed, and gives the path of the main one.

        Args:
            folder: where to.
            atlas: whether to write the ``.atlas``, too.
            codec: of its container, if any.
        """
        into = Path(folder)
        files = self.build()
        if atlas:
            files[self._stem(".atlas") + ".atlas"] = self.record().build_atlas(codec=codec)
        into.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (into / name).write_bytes(data)
        return into / self.name

    def _stem(self, suffix: str) -> str:
        # Subcaches of a development cache are named as those of the other.
        return self.name.removesuffix(".development") if suffix else self.name

    def _automatic(self, suffix: str) -> UUID:
        return automatic_uuid("cache", self._architecture.name, self._generation.name, self.name + suffix)

    def _usual_slide_version(self) -> int:
        versions = self._architecture.slide_versions
        return 5 if self._generation.chained_v5 and 5 in versions else versions[0]

    def _suffixes(self) -> tuple[str, ...]:
        if self._generation.subcaches == 0:
            return ()
        if self._generation.subcaches == 1:
            return ".1", ".2", ".3"
        simple = self._architecture.name.startswith("x86_64") or "SIMULATOR" in Platform(self._platform).name
        return (".01", ".02", ".03") if simple else (".01", ".02.dylddata", ".03.dyldlinkedit")

    def _assembled(self) -> Assembled:
        if self._made is None:
            suffixes = self._suffixes()
            others = (*suffixes, ".symbols") if has(self._header_size, "symbolFileUUID") else suffixes
            numbers = [int(part) for part in (self._os_version + ".0.0").split(".")[:3]]
            self._made = assemble(
                Plan(
                    architecture=self._architecture,
                    header_size=self._header_size,
                    suffixes=suffixes,
                    uuids={"": self.uuid} | {suffix: self._automatic(suffix) for suffix in others},
                    base=self.base,
                    platform=self._platform,
                    os_version=numbers[0] << 16 | numbers[1] << 8 | numbers[2],
                    slide_version=self._slide_version,
                    cache_type=self._cache_type,
                    images=self._images,
                    local_symbols=self._local_symbols,
                    raw_header=self._raw_header,
                )
            )
        return self._made
