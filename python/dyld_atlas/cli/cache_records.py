"""What the JSON of several commands says of a shared cache."""

from typing import TYPE_CHECKING, Any

from . import records

if TYPE_CHECKING:
    from .._native import Mapping_, SharedCache, SubCache

__all__ = ["cache_record", "cache_type", "file_record", "mapping_record"]

_TYPES = {0: "development", 1: "production", 2: "universal"}


def cache_type(cache: "SharedCache") -> str | None:
    """Development, production or universal; None before headers said so."""
    number = cache.header.get("cache_type")
    return _TYPES.get(number, str(number)) if isinstance(number, int) else None


def cache_record(cache: "SharedCache") -> dict[str, Any]:
    """A shared cache."""
    return {
        "path": cache.file_paths[0] if cache.file_paths else None,
        "uuid": records.uuid(cache.uuid),
        "architecture": cache.architecture,
        "platform": None if cache.platform is None else records.named(cache.platform),
        "os_version": cache.os_version,
        "type": cache_type(cache),
        "preferred_load_address": records.address(cache.preferred_load_address),
        "vm_size": cache.vm_size,
        "pointer_size": cache.pointer_size,
        "image_count": len(cache.images),
        "file_count": len(cache.subcaches),
        "missing_files": list(cache.missing_files),
        "local_symbols_path": cache.local_symbols_path,
        "local_symbols_uuid": records.uuid(cache.local_symbols_uuid),
        "record_origin": cache.record_origin,
        "warnings": list(cache.warnings),
    }


def file_record(file: "SubCache", missing: bool) -> dict[str, Any]:
    """A file of a shared cache."""
    return {
        "name": file.name,
        "path": file.file_path,
        "uuid": records.uuid(file.uuid),
        "preferred_load_address": records.address(file.preferred_load_address),
        "vm_size": file.vm_size,
        "file_size": file.file_size,
        "missing": missing,
    }


def mapping_record(mapping: "Mapping_") -> dict[str, Any]:
    """A mapping of a shared cache."""
    return {
        "name": mapping.name,
        "address": records.address(mapping.preferred_load_address),
        "size": mapping.size,
        "file_offset": mapping.file_offset,
        "max_protection": str(mapping.max_protection),
        "initial_protection": None if mapping.initial_protection is None else str(mapping.initial_protection),
        "flags": None if mapping.flags is None else records.flags(mapping.flags),
        "slide_version": mapping.slide_version,
        "path": mapping.file_path,
    }
