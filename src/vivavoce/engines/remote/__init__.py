"""Engines that work in another process or on another machine, as if they were here.

`frames` and `messages` are the wire, `link` is one connection of either side. `engine_host` has
the side that hosts the engines; the rest of this package is the side that uses them.
"""
