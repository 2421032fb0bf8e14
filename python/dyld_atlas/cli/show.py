"""``dyld-atlas show``: a snapshot in a few lines."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from . import exits, inputs, live, records
from .terminal import Column, Style, count, exact, human_size, plain, write_table

if TYPE_CHECKING:
    from .._native import Snapshot
    from ..enums import Platform

_MOST_IMAGES = 20

_PLATFORM_WORDS = {
    "MACOS": "macOS",
    "IOS": "iOS",
    "TVOS": "tvOS",
    "WATCHOS": "watchOS",
    "BRIDGEOS": "bridgeOS",
    "MAC": "Mac",
    "CATALYST": "Catalyst",
    "DRIVERKIT": "DriverKit",
    "VISIONOS": "visionOS",
    "SEPOS": "sepOS",
}


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    found = live.process_or_core(options)
    head, snapshot = found or ({"file": options.file}, inputs.snapshot(options.file, options))
    if options.json:
        records.write_document("show", {**head, "snapshot": _record(snapshot)})
        return exits.OK
    style = Style(sys.stdout, options.color)
    lines = _lines(snapshot)
    if options.format == "tsv":
        write_table([Column("key"), Column("value")], lines, form="tsv", style=style)
        return exits.OK
    room = max(len(key) for key, _ in lines)
    for key, value in lines:
        print(f"{style(key.ljust(room), 'bold')}  {plain(value)}")
    outside = [image for image in snapshot.images if image.shared_cache is None]
    if outside:
        print()
        columns = [
            Column("address", "address"),
            Column("size", "size"),
            Column("uuid", "uuid", color="dim"),
            Column("images outside the cache" if snapshot.shared_cache_record else "images", flexible=True),
        ]
        rows = [
            (image.address, image.vm_size, image.uuid, image.file_path or image.install_name)
            for image in outside[:_MOST_IMAGES]
        ]
        write_table(columns, rows, form="table", style=style)
        if len(outside) > _MOST_IMAGES:
            print(f"and {count(len(outside) - _MOST_IMAGES, 'image')} more: dyld-atlas images --outside-cache")
    return exits.OK


def _outside(snapshot: "Snapshot") -> int:
    return sum(1 for image in snapshot.images if image.shared_cache is None)


def _label(name: str) -> str:
    return name.lower().replace("_", " ")


def platform_name(platform: "Platform | None") -> str | None:
    """A platform as Apple writes it; None for none."""
    return None if platform is None else _platform(platform.name)


def _platform(name: str) -> str:
    """A platform as Apple writes it.

    >>> _platform("MACOS"), _platform("VISIONOS_SIMULATOR"), _platform("UNKNOWN_99")
    ('macOS', 'visionOS simulator', 'unknown 99')
    """
    words = [_PLATFORM_WORDS.get(word, word.lower()) for word in name.split("_")]
    return " ".join(words)


def _lines(snapshot: "Snapshot") -> list[tuple[str, str]]:
    lines = [
        ("process", str(snapshot.pid)),
        ("platform", f"{_platform(snapshot.platform.name)} ({int(snapshot.platform)})"),
        ("state", f"{_label(snapshot.state.name)} ({int(snapshot.state):#x})"),
        ("timestamp", f"{snapshot.timestamp} (mach_absolute_time)"),
        ("page size", human_size(snapshot.page_size)),
        ("pointer size", count(snapshot.pointer_size, "byte")),
    ]
    if snapshot.flags:
        lines.append(("flags", ", ".join(_label(name) for name in records.flags(snapshot.flags))))
    total, outside = len(snapshot.images), _outside(snapshot)
    where = f", {count(outside, 'of them', 'of them')} outside the shared cache" if outside != total else ""
    lines.append(("images", count(total, "image").split(" image")[0] + where))
    if snapshot.initial_image_count is not None:
        lines.append(("at launch", str(snapshot.initial_image_count)))
    if snapshot.aot_images:
        lines.append(("rosetta", count(len(snapshot.aot_images), "translated image")))
    record = snapshot.shared_cache_record
    if record is not None:
        lines.append(("shared cache", record.file_path))
        lines.append(("  uuid", exact(record.uuid, "uuid")))
        cache = snapshot.shared_cache
        if cache is None:
            lines.append(("  address", f"{int(record.address):#x}"))
            lines.append(("  images", "its atlas was not found: the images in it are not known"))
        else:
            lines.append(("  address", f"{int(record.address):#x}, slide {int(cache.slide):#x}"))
            lines.append(("  size", f"{human_size(cache.vm_size)} in {count(len(cache.subcaches), 'file')}"))
            lines.append(("  images", f"{total - outside} in use of {len(cache.images)}"))
        if record.aot_uuid is not None:
            lines.append(("  rosetta", exact(record.aot_uuid, "uuid")))
    if snapshot.environment is not None:
        lines += [(name, value) for name, value in sorted(snapshot.environment.variables.items())]
    if snapshot.metrics:
        lines.append(("metrics", ", ".join(f"{key} {value}" for key, value in snapshot.metrics.items())))
    if snapshot.warnings:
        lines.append(("warnings", f"{len(snapshot.warnings)}, on standard error"))
    return lines


def _record(snapshot: "Snapshot") -> dict[str, Any]:
    outside = _outside(snapshot)
    record = snapshot.shared_cache_record
    cache = snapshot.shared_cache
    shared: dict[str, Any] | None = None
    if record is not None:
        shared = {
            "uuid": records.uuid(record.uuid),
            "address": records.address(record.address),
            "file_path": record.file_path,
            "aot_uuid": records.uuid(record.aot_uuid),
            "aot_address": records.address(record.aot_address),
            "found": cache is not None,
        }
        if cache is not None:
            shared |= {
                "slide": records.address(cache.slide),
                "preferred_load_address": records.address(cache.preferred_load_address),
                "vm_size": cache.vm_size,
                "image_count": len(cache.images),
                "used_image_count": len(snapshot.images) - outside,
            }
    environment = snapshot.environment
    return {
        "pid": snapshot.pid,
        "platform": records.named(snapshot.platform),
        "state": records.named(snapshot.state),
        "timestamp": snapshot.timestamp,
        "initial_image_count": snapshot.initial_image_count,
        "flags": records.flags(snapshot.flags),
        "page_size": snapshot.page_size,
        "pointer_size": snapshot.pointer_size,
        "environment": None if environment is None else dict(environment.variables),
        "metrics": None if snapshot.metrics is None else dict(snapshot.metrics),
        "image_count": len(snapshot.images),
        "images_outside_cache": outside,
        "aot_image_count": len(snapshot.aot_images or ()),
        "shared_cache": shared,
        "warnings": list(snapshot.warnings),
    }
