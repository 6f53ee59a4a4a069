"""A live session into an archive and back; and single values for calls."""

from caesura.snapshot.archive import Saved, seal
from caesura.snapshot.call_values import dumps, loads
from caesura.snapshot.checking import NamespaceCheck
from caesura.snapshot.left_behind import leave_behind
from caesura.snapshot.obstacles import explain
from caesura.snapshot.registered import register_reducer, reopen
from caesura.snapshot.seeds import Anchors
from caesura.snapshot.session import LoadedSession, Serialised, load, rehearse, save, serialise, store

__all__ = [
    "Anchors",
    "LoadedSession",
    "NamespaceCheck",
    "Saved",
    "Serialised",
    "dumps",
    "explain",
    "leave_behind",
    "load",
    "loads",
    "register_reducer",
    "rehearse",
    "reopen",
    "save",
    "seal",
    "serialise",
    "store",
]
