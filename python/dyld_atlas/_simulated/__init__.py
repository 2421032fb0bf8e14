"""What runs in the child of :class:`dyld_atlas.testing.SimulatedProcess`.

It plays dyld by the letter, and needs nothing but Python and Linux: none of the code that is tested by it.
"""
