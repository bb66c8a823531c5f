"""The engine process of a server: a child that hosts engines for all of the server's workers.

`EngineProcess` is its parent's side; the module run as a program is the child itself.
"""

from vivavoce.engine_process.parent import EngineProcess

__all__ = ["EngineProcess"]
