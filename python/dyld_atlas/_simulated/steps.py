"""The steps of a publication, in dyld's order."""

CLEARED = "cleared"
"""The arrays of images and UUIDs are null: readers of those see that they are being changed."""
SWAPPED = "swapped"
"""Address and size are those of a new buffer."""
COPIED = "copied"
"""The new bytes lie over the old ones, where there is room; address and size are still the new buffer's."""
SWAPPED_BACK = "swapped back"
"""Address and size are those of the buffer that stays; the other is gone."""
STAMPED = "stamped"
"""The time of the change is set."""
ANNOUNCED = "announced"
"""The arrays and their counts are there again. Nobody has been told yet."""
NOTIFIED = "notified"
"""All who watch have replied to the first message; the legacy one is still to be sent."""

STEPS = (CLEARED, SWAPPED, COPIED, SWAPPED_BACK, STAMPED, ANNOUNCED, NOTIFIED)
