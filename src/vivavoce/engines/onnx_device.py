"""Where ONNX models run: on the device that the operator named, or not at all."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal, get_args

import onnxruntime

from vivavoce.engines.base import EngineError

Device = Literal["cpu", "cuda", "coreml", "directml"]

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
_PACKAGES = {
    "cpu": "onnxruntime",
    "cuda": "onnxruntime-gpu",
    "coreml": "onnxruntime",
    "directml": "onnxruntime-directml",
}


def execution_provider(device: str) -> str:
    """The name of onnxruntime's provider for a device: `cpu`, `cuda`, `coreml` or `directml`.

    Raises `EngineError` if there is no such device, or if the installed onnxruntime was built
    without it: a model that should run on a GPU never runs on the processor instead.
    """
    if device not in _PROVIDERS:
        raise EngineError(
            f"no device {device!r}: it is one of {', '.join(get_args(Device))}",
            code="invalid_configuration",
        )
    if _PROVIDERS[device] in onnxruntime.get_available_providers():
        return _PROVIDERS[device]
    package = _PACKAGES[device]
    if package != "onnxruntime" and _is_installed(package) and _is_installed("onnxruntime"):
        advice = (
            f"onnxruntime and {package} are both installed, and hide each other: pip uninstall "
            f"both, then install {package} alone"
        )
    elif package == "onnxruntime":
        advice = "the installed onnxruntime was built without it"
    else:
        advice = f"pip uninstall onnxruntime, then pip install {package}"
    raise EngineError(f"device {device!r} is not to be had: {advice}", code="device_unavailable")


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
