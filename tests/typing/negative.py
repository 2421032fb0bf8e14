"""What type checkers must refuse: each line with ``# error:`` has exactly that error of mypy, and no other has one."""

import dyld_atlas as da


def addresses(preferred: da.PreferredAddress, rebased: da.RebasedAddress, slide: da.Slide) -> None:
    preferred + rebased  # error: operator
    rebased + preferred  # error: operator
    preferred + preferred  # error: operator
    rebased + rebased  # error: operator
    rebased + slide  # error: operator
    slide + rebased  # error: operator
    preferred - rebased  # error: operator
    preferred - slide  # error: operator
    slide - preferred  # error: operator
    slide - rebased  # error: operator
    preferred < rebased  # error: operator
    rebased >= preferred  # error: operator
    rebased < slide  # error: operator


def takes_rebased(address: da.RebasedAddress) -> None: ...


def arguments(preferred: da.PreferredAddress, rebased: da.RebasedAddress, snapshot: da.Snapshot) -> None:
    takes_rebased(0x1000)  # error: arg-type
    takes_rebased(preferred)  # error: arg-type
    takes_rebased(rebased + 4)
    da.Snapshot.open("f", mode="mmap")  # error: arg-type
    da.Snapshot.open("f", providers=[object()])  # error: list-item
    snapshot.pid = 5  # error: misc
    snapshot.shared_cache.uuid  # error: union-attr


def caches(
    cache: da.SharedCache, rebased: da.RebasedAddress, snapshot: da.Snapshot, preferred: da.PreferredAddress
) -> None:
    da.SharedCache.open("f", mode="mmap")  # error: arg-type
    da.SharedCache.open(path="f")  # error: call-arg
    da.SharedCache.open("f", True)  # error: call-arg
    cache.read(preferred)  # error: call-arg
    cache.vm_size = 5  # error: misc
    cache.local_symbols()[0]  # error: index
    cache.resolve(preferred).image  # error: union-attr
    cache.pointers()[0].address + rebased  # error: operator
    with cache.pinned() as view:
        view + 1  # error: operator
    da.SharedCache.find(b"folder")  # error: arg-type
    cache.read(rebased, 4)  # error: arg-type
    cache.read(preferred, 4, slide=rebased)  # error: arg-type
    cache.resolve(rebased)  # error: arg-type
    da.SharedCache.open("f", slide=preferred)  # error: arg-type
    snapshot.images.at(preferred)  # error: arg-type
    snapshot.resolve(preferred)  # error: arg-type
    snapshot.read(preferred, 4)  # error: arg-type
