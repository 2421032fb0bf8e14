"""The compiled part of dyld_atlas. Import its names from ``dyld_atlas`` and ``dyld_atlas.formats``.

Everything here is immutable but :class:`ArchiveWriter`, and may be used from many threads at once. What a property says
was checked when the record was opened: a property costs no I/O and does not fail. The one exception is sections, which
no record holds: they are read from the image's load commands.

What is declared where: options, the snapshot, images, the shared cache, what lies in files, formats.
"""

from ._native_cache import Mapping_ as Mapping_
from ._native_cache import SharedCache as SharedCache
from ._native_cache import SharedCacheRecord as SharedCacheRecord
from ._native_cache import SubCache as SubCache
from ._native_formats import AOTCacheHeader as AOTCacheHeader
from ._native_formats import Archive as Archive
from ._native_formats import ArchiveEntry as ArchiveEntry
from ._native_formats import ArchiveWriter as ArchiveWriter
from ._native_formats import MachO as MachO
from ._native_formats import MachOSlice as MachOSlice
from ._native_formats import check_atlas_entry as check_atlas_entry
from ._native_formats import plist_dumps as plist_dumps
from ._native_formats import plist_loads as plist_loads
from ._native_images import ColumnBuffer as ColumnBuffer
from ._native_images import Image as Image
from ._native_images import ImageColumns as ImageColumns
from ._native_images import ImageList as ImageList
from ._native_images import Location as Location
from ._native_images import Segment as Segment
from ._native_images import SegmentColumns as SegmentColumns
from ._native_memory import DynamicData as DynamicData
from ._native_memory import FunctionVariant as FunctionVariant
from ._native_memory import MemoryRegion as MemoryRegion
from ._native_memory import Pointer as Pointer
from ._native_memory import PointerColumns as PointerColumns
from ._native_memory import PointerList as PointerList
from ._native_memory import Section as Section
from ._native_options import FileIdentifier as FileIdentifier
from ._native_options import Limits as Limits
from ._native_process import Call as Call
from ._native_process import Calls as Calls
from ._native_process import Change as Change
from ._native_process import Changes as Changes
from ._native_process import Task as Task
from ._native_process import Watch as Watch
from ._native_snapshot import AOTImage as AOTImage
from ._native_snapshot import Environment as Environment
from ._native_snapshot import Snapshot as Snapshot
from ._native_snapshot import SnapshotDiff as SnapshotDiff
from ._native_snapshot import diff as diff
