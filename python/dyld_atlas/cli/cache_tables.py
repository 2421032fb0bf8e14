"""What the JSON of ``dyld-atlas cache`` says of the tables that a cache may have or not."""

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import AtlasError
from . import inputs, records

if TYPE_CHECKING:
    from .._native import FunctionVariant, SharedCache

__all__ = ["dynamic_data", "lists"]

_T = TypeVar("_T")


def lists(cache: "SharedCache", options: argparse.Namespace) -> dict[str, Iterable[dict[str, Any]]]:
    """Those that are lists. What of them cannot be read is said on standard error, and empty."""
    return {
        "tpro_mappings": map(_range, _read(cache.tpro_mappings, options) or ()),
        "prewarming": map(_range, _read(cache.prewarming, options) or ()),
        "function_variants": map(_variant, _read(cache.function_variants, options) or ()),
    }


def dynamic_data(cache: "SharedCache", options: argparse.Namespace) -> dict[str, Any] | None:
    """What a system has filled in when it started; None where nothing was."""
    found = _read(cache.dynamic_data, options)
    if found is None:
        return None
    flags = found.function_variant_flags
    return {
        "version": found.version,
        "file_system": records.address(found.file_system),
        "file": records.address(found.file),
        "os_cryptex_path": found.os_cryptex_path,
        "cache_path": found.cache_path,
        "function_variant_flags": None if flags is None else [records.address(each) for each in flags],
    }


def _read(table: "Callable[[], _T]", options: argparse.Namespace) -> "_T | None":
    try:
        return table()
    except AtlasError as error:
        inputs.warn([str(error)], options)
        return None


def _range(pair: tuple[int, int]) -> dict[str, Any]:
    return {"address": records.address(pair[0]), "size": pair[1]}


def _variant(variant: "FunctionVariant") -> dict[str, Any]:
    return {
        "fixup_location": records.address(variant.fixup_location),
        "variants_table": records.address(variant.variants_table),
        "variants_table_size": variant.variants_table_size,
        "dylib_header": records.address(variant.dylib_header),
        "target_dylib": variant.target_dylib,
        "variant": variant.variant,
        "key": variant.key,
        "diversity": variant.diversity,
        "address_diversity": variant.address_diversity,
    }
