"""Limits and FileIdentifier: values that compare, hash, print and pickle."""

import copy
import pickle
from uuid import UUID

import pytest

from dyld_atlas import FileIdentifier, Limits

ID = UUID("4c4c44d5-5555-3144-a1ba-8bc2d0e5d84e")


def test_limits_have_the_documented_defaults() -> None:
    limits = Limits()
    assert (limits.decoded_bytes, limits.images, limits.depth) == (1 << 30, 1 << 20, 512)
    assert repr(limits) == "Limits(decoded_bytes=1073741824, images=1048576, depth=512)"


def test_limits_are_values() -> None:
    limits = Limits(depth=3)
    assert limits == Limits(depth=3) != Limits()
    assert hash(limits) == hash(Limits(depth=3))
    assert limits != 3
    assert eval(repr(limits)) == limits
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(limits, protocol)) == limits
    assert copy.copy(limits) == copy.deepcopy(limits) == limits


@pytest.mark.parametrize("arguments", [{"depth": -1}, {"images": 1 << 32}, {"decoded_bytes": 1 << 64}])
def test_limits_refuse_numbers_out_of_range(arguments: dict[str, int]) -> None:
    with pytest.raises(OverflowError):
        Limits(**arguments)


def test_limits_take_keywords_only_and_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Limits(5)  # type: ignore[misc]
    with pytest.raises(TypeError):
        Limits(depth=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        Limits().depth = 5  # type: ignore[misc]


@pytest.mark.parametrize("given", [ID, str(ID), str(ID).upper(), ID.hex, ID.bytes, "{" + str(ID) + "}"])
def test_a_uuid_may_be_given_in_every_form(given: UUID | str | bytes) -> None:
    assert FileIdentifier(uuid=given).uuid == ID


def test_a_uuid_is_one_in_every_way() -> None:
    found = FileIdentifier(uuid=ID).uuid
    assert type(found) is UUID
    assert found is not None
    assert (found.int, found.is_safe, hash(found), str(found)) == (ID.int, ID.is_safe, hash(ID), str(ID))
    assert pickle.loads(pickle.dumps(found)) == ID
    assert FileIdentifier(uuid=UUID(int=0)).uuid == UUID(int=0)
    assert FileIdentifier(uuid=UUID(int=(1 << 128) - 1)).uuid == UUID(int=(1 << 128) - 1)


@pytest.mark.parametrize(
    ("given", "error"), [("x", ValueError), (b"x", ValueError), (5, TypeError), ("é" * 16, ValueError)]
)
def test_what_is_no_uuid_is_refused(given: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="UUID"):
        FileIdentifier(uuid=given)  # type: ignore[arg-type]


def test_file_identifiers_are_values() -> None:
    both = FileIdentifier(uuid=ID, path='/usr/lib/it\'s "dyld"')
    assert both == FileIdentifier(uuid=str(ID), path=both.path)
    assert len({both, FileIdentifier(uuid=ID), FileIdentifier(path=both.path), FileIdentifier()}) == 4
    assert pickle.loads(pickle.dumps(both)) == both
    for identifier in (both, FileIdentifier(uuid=ID), FileIdentifier(path="/é"), FileIdentifier()):
        assert eval(repr(identifier)) == identifier
    assert FileIdentifier(path="").path == ""
