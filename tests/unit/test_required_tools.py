import json
from collections.abc import Callable
from types import ModuleType

import pytest

RequireTool = Callable[..., str]
RequireModule = Callable[..., ModuleType]


def test_a_tool_that_is_there_is_found(require_tool: RequireTool) -> None:
    assert require_tool("sh", package="dash").endswith("/sh")


def test_a_missing_tool_skips_with_the_package_that_brings_it(
    require_tool: RequireTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install spoken-tools"):
        require_tool("no-such-program", package="spoken-tools")


def test_a_missing_tool_fails_in_continuous_integration(
    require_tool: RequireTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt install spoken-tools"):
        require_tool("no-such-program", package="spoken-tools")


def test_a_module_that_is_there_is_imported(require_module: RequireModule) -> None:
    assert require_module("json", reason="it is in the standard library") is json


def test_a_missing_module_skips_with_its_reason(
    require_module: RequireModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no wheel for this Python"):
        require_module("no_such_module", reason="no wheel for this Python")


def test_a_missing_module_fails_in_continuous_integration(
    require_module: RequireModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no wheel for this Python"):
        require_module("no_such_module", reason="no wheel for this Python")
