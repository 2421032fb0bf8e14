#!/usr/bin/env python3
"""Makes the bundled shared cache: the folder `cache` with the files of a small one, as macOS 26 has them.

The layout is that of a real cache of this generation: a main file, subcaches for code, data and the rest, a file of
local symbols, pointers in chains, some of them authenticated. The names are those of real libraries; their code, data
and symbols are invented.

    python examples/make_cache.py            writes the folder beside this file
    python examples/make_cache.py FOLDER     writes it there
"""

import sys
from pathlib import Path

from dyld_atlas.testing import PointerTo, SharedCacheBuilder

HERE = Path(__file__).resolve().parent
SYSTEM, OBJC, ZLIB = "/usr/lib/libSystem.B.dylib", "/usr/lib/libobjc.A.dylib", "/usr/lib/libz.1.dylib"
FOUNDATION = "/System/Library/Frameworks/Foundation.framework/Versions/C/Foundation"
# arm64: `mov w0, #0` and `ret`.
CODE = bytes.fromhex("00008052 c0035fd6")


def builder() -> SharedCacheBuilder:
    """What the cache is made of."""
    return (
        SharedCacheBuilder("arm64e", "macos26", os_version="26.0.1")
        .image(
            SYSTEM,
            sections={"__TEXT,__text": CODE * 4},
            exports={"_exit": "__TEXT,__text"},
            aliases=["/usr/lib/libc.dylib"],
        )
        .image(
            OBJC,
            sections={
                "__TEXT,__text": CODE * 8,
                "__TEXT,__cstring": b"NSObject\0",
                "__AUTH_CONST,__const": [
                    PointerTo(OBJC, section="__TEXT,__text", key="IA", diversity=0x6AE1),
                    PointerTo(OBJC, section="__TEXT,__cstring"),
                ],
                "__DATA,__data": [bytes(8), PointerTo(OBJC, section="__AUTH_CONST,__const")],
                "__DATA,__bss": 0x200,
            },
            exports={"_objc_msgSend": "__TEXT,__text", "_objc_retain": ("__TEXT,__text", 8)},
            local_symbols={"_lookUpImpOrForward": ("__TEXT,__text", 16)},
            dependencies=[SYSTEM],
        )
        .image(
            ZLIB,
            sections={"__TEXT,__text": CODE * 2, "__DATA_CONST,__const": PointerTo(SYSTEM, section="__TEXT,__text")},
            exports={"_crc32": "__TEXT,__text"},
            dependencies=[SYSTEM],
        )
        .image(
            FOUNDATION,
            aliases=["/System/Library/Frameworks/Foundation.framework/Foundation"],
            dependencies=[OBJC, SYSTEM],
        )
    )


def files() -> dict[str, bytes]:
    """The files of the cache, by their names."""
    return builder().build()


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    builder().write(folder / "cache")
