"""What numpy, pandas, and torch keep beside a notebook's variables.

Nothing is imported for it: a library that is not there has no state.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot import warning_state
from caesura.snapshot.capturing import Capturer


def _library(name: str, attribute: str) -> Any:
    """A module that is loaded, and not just being loaded; or None."""
    module = sys.modules.get(name)
    return module if hasattr(module, attribute) else None


# --- numpy ----------------------------------------------------------------------------------------------------------


def _numpy_random() -> Any:
    numpy_random = _library("numpy.random", "get_state")
    return None if numpy_random is None else numpy_random.get_state()


def _set_numpy_random(state: Any) -> None:
    importlib.import_module("numpy.random").set_state(state)


def _numpy_printing() -> dict[str, Any] | None:
    numpy = _library("numpy", "get_printoptions")
    return None if numpy is None else numpy.get_printoptions()


def _set_numpy_printing(state: dict[str, Any]) -> None:
    numpy: Any = importlib.import_module("numpy")
    known = numpy.get_printoptions()
    numpy.set_printoptions(**{name: value for name, value in state.items() if name in known})


def _numpy_errors() -> dict[str, Any] | None:
    """Before numpy 2 a thread has them, from then on a context variable, which moves with its context."""
    numpy = _library("numpy", "geterr")
    return {"kinds": numpy.geterr(), "call": numpy.geterrcall()} if numpy is not None and _is_numpy_1(numpy) else None


def _is_numpy_1(numpy: Any) -> bool:
    return str(numpy.__version__).startswith("1.")


def _set_numpy_errors(state: dict[str, Any]) -> None:
    numpy: Any = importlib.import_module("numpy")
    numpy.seterr(**state["kinds"])
    numpy.seterrcall(state["call"])


# --- pandas ---------------------------------------------------------------------------------------------------------


def _pandas_options() -> dict[str, Any] | None:
    """The options that are not at their defaults; None without pandas."""
    config = _library("pandas._config.config", "get_option")
    if config is None:
        return None
    found = {}
    for name, option in config._registered_options.items():
        value = _value_of(config._global_config, name)
        if value is not option.defval and (type(value) is not type(option.defval) or value != option.defval):
            found[name] = value
    return found


def _value_of(tree: Any, name: str) -> Any:
    for part in name.split("."):
        tree = tree[part]
    return tree


def _set_pandas_options(state: dict[str, Any]) -> None:
    config: Any = importlib.import_module("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an option that is deprecated was set with its warning
        for name, value in state.items():
            config.set_option(name, value)


# --- torch ----------------------------------------------------------------------------------------------------------


def _torch() -> dict[str, Any] | None:
    torch = _library("torch", "get_rng_state")
    if torch is None:
        return None
    if torch.cuda.is_initialized():
        remedy = "A process that has used the device keeps it; do that work in a @caesura.remote function."
        raise CannotMove("the state of a CUDA device", remedy=remedy)
    return {
        "random": bytes(torch.get_rng_state().numpy()),
        "type": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
    }


def _set_torch(state: dict[str, Any]) -> None:
    torch: Any = importlib.import_module("torch")
    torch.set_rng_state(torch.frombuffer(bytearray(state["random"]), dtype=torch.uint8))
    torch.set_default_dtype(state["type"])
    torch.use_deterministic_algorithms(state["deterministic"])
    torch.set_grad_enabled(state["gradients"])
    if torch.get_num_threads() != state["threads"]:
        torch.set_num_threads(state["threads"])


CAPTURERS: Final = (
    Capturer("numpy random", _numpy_random, _set_numpy_random),
    Capturer("numpy printing", _numpy_printing, _set_numpy_printing),
    Capturer("numpy errors", _numpy_errors, _set_numpy_errors),
    Capturer("pandas options", _pandas_options, _set_pandas_options),
    Capturer("torch", _torch, _set_torch),
    warning_state.FILTERS,
)
