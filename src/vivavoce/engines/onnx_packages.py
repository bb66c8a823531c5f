"""Builds of onnxruntime, of which a machine should have one: they lie in the same folder."""

from importlib.metadata import PackageNotFoundError, version

OTHER_BUILDS = ("onnxruntime-gpu", "onnxruntime-directml")


def clash() -> str | None:
    """What to do if two builds are installed: the one that came last hides the other."""
    others = [name for name in OTHER_BUILDS if _is_installed(name)]
    if not others or not _is_installed("onnxruntime"):
        return None
    return (
        f"onnxruntime and {others[0]} are both installed, and one hides the other: which devices "
        f"there are is a matter of chance. pip uninstall -y onnxruntime {others[0]}, then pip "
        f"install {others[0]} alone."
    )


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
