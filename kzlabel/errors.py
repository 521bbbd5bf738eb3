"""Every error that kzlabel raises on purpose, and the exit code that each one carries.

KzlabelError                    15  anything else
├── UsageError                   2  the call makes no sense as it stands
├── InputError                   3  the input cannot be read or is not supported
│   ├── UnreadableFile              the bytes cannot be parsed
│   ├── UnsupportedFormat           no adapter recognises or can write the format
│   └── LimitExceeded               parsing it would take more than the limits allow
├── MissingProgram               4  an external program is missing
├── OutputError                  5  the output exists or cannot be written
├── AlreadyLabelled              6  already labelled, and only new files were asked for
├── SigningError                 7  signing or time-stamping failed
│   └── TimeStampError              the time-stamping authority gave no usable time-stamp
├── TrustError                   8  trust anchors or policy are invalid
├── ConfigurationError           9  the configuration is invalid
├── NetworkError                15  a configured address does not answer; most callers turn it into their own
├── RegistryError               12  the registry cannot be reached, or refuses
│   ├── SignerNotEnrolled           this signer may not write into it
│   ├── IdentifierTaken             the identifier is another signer's
│   └── DamagedEntry                one entry of it is of no use; the others may be
├── RequirementNotMet           11  a requirement of the profile cannot be met by this file
└── InternalError               15  a promise of ours was broken (an output that did not read back)

A message is one sentence that names what is wrong, with which file, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command line: a stable interface, never renumbered."""

    DONE = 0
    NOT_ACCEPTABLE = 1
    USAGE = 2
    INPUT = 3
    MISSING_PROGRAM = 4
    OUTPUT = 5
    ALREADY_LABELLED = 6
    SIGNING = 7
    TRUST = 8
    CONFIGURATION = 9
    BATCH_INCOMPLETE = 10
    REQUIREMENT = 11
    REGISTRY = 12
    OTHER = 15
    INTERRUPTED = 130

    @classmethod
    def gravest(cls, codes: Iterable[ExitCode]) -> ExitCode:
        """The one code that stands for several inputs; DONE for none."""
        found = set(codes)
        return next((code for code in _GRAVITY if code in found), cls.DONE)


_GRAVITY = (
    ExitCode.INTERRUPTED,
    ExitCode.OTHER,
    ExitCode.CONFIGURATION,
    ExitCode.TRUST,
    ExitCode.SIGNING,
    ExitCode.REGISTRY,
    ExitCode.MISSING_PROGRAM,
    ExitCode.OUTPUT,
    ExitCode.REQUIREMENT,
    ExitCode.INPUT,
    ExitCode.USAGE,
    ExitCode.BATCH_INCOMPLETE,
    ExitCode.ALREADY_LABELLED,
    ExitCode.NOT_ACCEPTABLE,
    ExitCode.DONE,
)


class KzlabelError(Exception):
    """Base of all errors raised on purpose; the message is a sentence for a person."""

    exit_code: ClassVar[ExitCode] = ExitCode.OTHER


class UsageError(KzlabelError):
    """The call makes no sense as it stands."""

    exit_code = ExitCode.USAGE


class InputError(KzlabelError):
    """The input cannot be read or is not supported."""

    exit_code = ExitCode.INPUT


class UnreadableFile(InputError):
    """The bytes cannot be parsed, or the file cannot be opened."""


class UnsupportedFormat(InputError):
    """The bytes are of a format that no adapter recognises, or that cannot be written."""


class LimitExceeded(InputError):
    """Parsing the input would take more time, memory, pixels or nesting than the limits allow."""


class MissingProgram(KzlabelError):
    """An external program that this medium needs is not there or does not run."""

    exit_code = ExitCode.MISSING_PROGRAM


class OutputError(KzlabelError):
    """The output exists already, or cannot be written."""

    exit_code = ExitCode.OUTPUT


class AlreadyLabelled(KzlabelError):
    """The input already carries the label asked for, and only new files were asked for."""

    exit_code = ExitCode.ALREADY_LABELLED


class SigningError(KzlabelError):
    """Signing or time-stamping failed, or the signer cannot be used."""

    exit_code = ExitCode.SIGNING


class TimeStampError(SigningError):
    """The time-stamping authority did not answer, or its answer is no usable time-stamp."""


class TrustError(KzlabelError):
    """Trust anchors or the policy are invalid."""

    exit_code = ExitCode.TRUST


class ConfigurationError(KzlabelError):
    """The configuration file, an environment variable or an option holds an impossible value."""

    exit_code = ExitCode.CONFIGURATION


class NetworkError(KzlabelError):
    """A configured address cannot be reached, or its answer cannot be used; most callers say what that means."""


class RegistryError(KzlabelError):
    """The registry cannot be reached, is not of this version, or refuses what it was asked."""

    exit_code = ExitCode.REGISTRY


class SignerNotEnrolled(RegistryError):
    """The signer has no right to write into this registry."""


class IdentifierTaken(RegistryError):
    """The identifier was issued to another signer."""


class DamagedEntry(RegistryError):
    """What the registry has under one name is damaged, missing, or not what it was asked for; others may be whole."""


class RequirementNotMet(KzlabelError):
    """The profile asks for something that this file cannot bear, such as a badge on a 10-pixel picture."""

    exit_code = ExitCode.REQUIREMENT


class InternalError(KzlabelError):
    """A promise of kzlabel's own was broken, such as an output that did not read back."""
