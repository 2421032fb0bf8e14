"""What an atlas says of a cache that was built."""

from .._cache import CacheBuilder
from .assembly import Assembled

__all__ = ["record"]


def record(made: Assembled, path: str, local_symbols: bool) -> CacheBuilder:
    """The record of a cache, as dyld's builder derives it."""
    plan = made.plan
    leaf = path.rpartition("/")[2]
    stem = leaf.removesuffix(".development")
    symbols = plan.uuids.get(".symbols") if local_symbols else None
    builder = CacheBuilder(
        path,
        uuid=plan.uuids[""],
        preferred_load_address=plan.base,
        vm_size=made.vm_size if plan.suffixes else None,
        # Inverted, as dyld's own builder has it.
        pointer_size=8 if plan.architecture.pointer_size == 4 else 4,
        local_symbols_uuid=symbols,
        local_symbols_name=stem + ".symbols",
    )
    for file in made.files:
        builder.subcache(
            file.suffix,
            vm_offset=file.address - plan.base,
            mappings=[(each.address, each.size, each.file_offset, each.protection[0]) for each in file.regions],
            uuid=file.uuid,
            file_size=len(made.data[file.suffix]),
            extra={"name": (stem if file.suffix else leaf) + file.suffix},
        )
    shared = made.link_edit
    for each in made.images:
        segments: list[dict[str, object]] = [
            {
                "name": segment.name,
                "size": segment.vm_size,
                "file_size": segment.file_size,
                "file_offset": segment.file_offset,
                "preferred_load_address": segment.address,
            }
            for segment in each.segments
        ]
        segments.append(
            {
                "name": "__LINKEDIT",
                "size": shared.size,
                "file_offset": shared.file_offset,
                "preferred_load_address": shared.address,
            }
        )
        builder.image(
            each.image.install_name, uuid=each.image.uuid, preferred_load_address=each.address, segments=segments
        )
    return builder
