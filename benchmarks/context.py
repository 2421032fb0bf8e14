"""What the workloads share: corpora made once, providers, the clock."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from dyld_atlas import FileIdentifier, ImageList, Provider, Snapshot

from . import corpus, peers
from .corpus import Corpus
from .timing import Clock, Timing


class Store:
    """A provider that has the atlases of some caches as files, by UUID."""

    def __init__(self, folder: Path) -> None:
        """Keeps its files in `folder`."""
        self.folder = folder

    def add(self, name: str, atlas: bytes) -> None:
        """Takes in the atlas of the cache with this UUID."""
        (self.folder / name).write_bytes(atlas)

    def file(self, identifier: FileIdentifier, /) -> None:
        """No other files."""

    def shared_cache_atlas(self, identifier: FileIdentifier, /) -> Path:
        """The atlas by UUID."""
        return self.folder / str(identifier.uuid)


@dataclass
class Context:
    """One run of the benchmarks."""

    clock: Clock
    seed: int = 1
    quick: bool = False
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="dyld_atlas_bench_")))

    @cached_property
    def store(self) -> Store:
        """The atlases of the corpora."""
        store = Store(self.folder)
        for each in self.corpora:
            store.add(str(each.uuid), each.atlas)
        return store

    @property
    def providers(self) -> Sequence[Provider]:
        """For `Snapshot.from_bytes`."""
        return (self.store,)

    @cached_property
    def typical(self) -> Corpus:
        """An application."""
        return corpus.typical(self.seed)

    @cached_property
    def huge(self) -> Corpus:
        """The largest process."""
        return corpus.huge(self.seed)

    @property
    def corpora(self) -> tuple[Corpus, Corpus]:
        """Both."""
        return self.typical, self.huge

    @cached_property
    def expected(self) -> dict[str, list[peers.ImageRow]]:
        """What plistlib reads from each corpus."""
        return {each.name: peers.listing(each.process_plist, each.cache_plist) for each in self.corpora}

    def open(self, each: Corpus) -> Snapshot:
        """A corpus as a snapshot that knows its cache."""
        return Snapshot.from_bytes(each.archive, providers=self.providers)

    def fresh(self, each: Corpus, work: Callable[[ImageList], object]) -> Timing:
        """Time `work` on the images of snapshots that were just opened: a list keeps what it has made."""
        opened = (self.open(each).images for _ in range(4 * self.clock.rounds))
        return self.clock.once(partial(work, images) for images in opened)

    def each(self) -> Iterator[tuple[Corpus, Snapshot, list[peers.ImageRow]]]:
        """Both corpora, opened, with what plistlib reads from them."""
        for corpus_ in self.corpora:
            yield corpus_, self.open(corpus_), self.expected[corpus_.name]


def per_corpus(name: str, typical: float, huge: float) -> float:
    """The bound for a corpus."""
    return typical if name == "typical" else huge
