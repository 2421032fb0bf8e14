"""The arguments of the commands for shared caches. As in parser.py, nothing but argparse is imported."""

import argparse

TYPE_CHECKING = False  # that of typing, which takes time to import
if TYPE_CHECKING:
    from typing import Protocol

    class Add(Protocol):
        """Adds a command to the parser."""

        def __call__(
            self, name: str, summary: str, *parents: argparse.ArgumentParser, examples: str = ""
        ) -> argparse.ArgumentParser: ...


__all__ = ["CODECS", "add_commands"]

CODECS = ("none", "zlib", "lzma", "lz4", "lzfse", "lzbitmap")


def add_commands(
    add: "Add",
    inputs: argparse.ArgumentParser,
    opening: argparse.ArgumentParser,
    outputs: argparse.ArgumentParser,
) -> None:
    """Adds them to the parser, with the function that makes a command of it and the options that commands share."""

    def add_file(command: argparse.ArgumentParser) -> None:
        command.add_argument("file", metavar="FILE", help="the main file of a cache, such as dyld_shared_cache_arm64e")

    def add_output(command: argparse.ArgumentParser, *, required: bool, help: str) -> None:
        command.add_argument("-o", "--output", metavar="OUT", required=required, help=help)

    caches = add(
        "caches",
        "list the shared caches below a folder, or those of this system",
        outputs,
        examples="caches\ncaches ~/Downloads/extracted\ncaches --installed /Volumes/Root",
    )
    caches.add_argument("folder", metavar="DIR", nargs="?", help="looked through whole; this system unless given")
    caches.add_argument(
        "--installed", action="store_true", help="look only where dyld looks, with DIR for the root of the system"
    )

    cache = add(
        "cache",
        "sum a shared cache up, with its files and mappings",
        opening,
        outputs,
        examples="cache dyld_shared_cache_arm64e\ncache dyld_shared_cache_arm64e --json",
    )
    add_file(cache)

    subcaches = add(
        "subcaches",
        "list the files of a shared cache, those that are missing among them",
        opening,
        outputs,
        examples="subcaches dyld_shared_cache_arm64e\nsubcaches dyld_shared_cache_arm64e --format tsv",
    )
    add_file(subcaches)

    read = add(
        "read",
        "show the bytes at an address",
        inputs,
        examples="read dyld_shared_cache_arm64e 0x180028000 64\n"
        "read dyld_shared_cache_arm64e 0x1e0000000 0x4000 --slide 0xa2cc000 -o data.bin",
    )
    read.add_argument("file", metavar="FILE", help="the main file of a cache, or a snapshot")
    read.add_argument("address", metavar="ADDRESS", help="without slide in a cache, of the process in a snapshot")
    read.add_argument("size", metavar="SIZE", help="how many bytes")
    read.add_argument("--slide", metavar="N", help="of a cache: rebase pointers, as a process at this slide sees them")
    shape = read.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON document, with the bytes as hexadecimal text")
    shape.add_argument("--raw", action="store_true", help="the bytes themselves, if standard output is no terminal")
    add_output(read, required=False, help="write the bytes themselves to a file")

    map_ = add(
        "map",
        "show where everything in a cache lies, as Apple's .map file does",
        opening,
        examples="map dyld_shared_cache_arm64e > dyld_shared_cache_arm64e.map",
    )
    add_file(map_)
    map_.add_argument("--json", action="store_true", help="one JSON document, with a line for each record")

    extract = add(
        "extract-data",
        "write the bytes of a segment to a file",
        inputs,
        examples="extract-data dyld_shared_cache_arm64e Security __TEXT -o security_text.bin",
    )
    extract.add_argument("file", metavar="FILE", help="the main file of a cache, or a snapshot")
    extract.add_argument("image", metavar="IMAGE", help="name, path or UUID of an image")
    extract.add_argument("segment", metavar="SEGMENT", help="such as __TEXT")
    extract.add_argument("--json", action="store_true", help="one JSON document that says what was written")
    add_output(extract, required=True, help="the file; - writes to standard output")

    atlas = add(
        "atlas",
        "write the atlas of a cache, which lists its images for dyld's own framework",
        opening,
        examples="atlas dyld_shared_cache_arm64e -o dyld_shared_cache_arm64e.atlas --codec lzfse",
    )
    add_file(atlas)
    atlas.add_argument("--json", action="store_true", help="one JSON document that says what was written")
    atlas.add_argument("--codec", choices=CODECS, help="compress it; plain unless given")
    add_output(atlas, required=True, help="the file; - writes to standard output")

    verify = add(
        "verify",
        "say whether the files of a cache fit together, and its atlas to them",
        opening,
        outputs,
        examples="verify dyld_shared_cache_arm64e && echo whole",
    )
    add_file(verify)
