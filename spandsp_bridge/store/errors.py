"""The errors of the database, for callers that do not import psycopg.

::

    DatabaseError                   a statement failed; `sqlstate` says how
    ├── DatabaseUnavailable         no connection, a lost one, or a time-out: try again later
    └── RowRejected                 a constraint, a trigger or a policy refused the values
        ├── UniqueViolation         there is such a row already
        ├── ForeignKeyViolation     a row that it refers to is missing, or is still referred to
        ├── CheckViolation          a value breaks a rule of the table
        └── InsufficientPrivilege   the role may not do this

`Database.transaction()` raises these for every error of psycopg inside its block.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from spandsp_bridge.errors import SetupError, UnavailableError, VfaxError


class DatabaseError(VfaxError):
    """A statement failed. The fields are PostgreSQL's own (`sqlstate` is empty if it sent none)."""

    def __init__(self, error: psycopg.Error) -> None:
        lines = str(error).strip().splitlines()
        self.reason = lines[0] if lines else type(error).__name__
        super().__init__("PostgreSQL: {reason}", reason=self.reason)
        self.sqlstate = error.sqlstate or ""
        self.message = error.diag.message_primary or self.reason
        self.detail = error.diag.message_detail or ""
        self.hint = error.diag.message_hint or ""
        self.constraint = error.diag.constraint_name or ""
        self.table = error.diag.table_name or ""


class DatabaseUnavailable(DatabaseError, UnavailableError):
    """PostgreSQL cannot be used now: no connection, a lost one, or a time-out."""

    status = UnavailableError.status
    code = "database_unavailable"
    exit_code = UnavailableError.exit_code


class RowRejected(DatabaseError):
    """A constraint, a trigger or a policy refused the values of a statement."""


class UniqueViolation(RowRejected):
    """There is a row with this key already."""


class ForeignKeyViolation(RowRejected):
    """A row refers to one that is missing, or is still referred to."""


class CheckViolation(RowRejected):
    """A value breaks a rule of its table; `constraint` names the rule."""


class InsufficientPrivilege(RowRejected):
    """The role may not do this, or row-level security hides the row from it."""


#: The first entry that fits decides.
_TRANSLATIONS: tuple[tuple[type[psycopg.Error], type[DatabaseError]], ...] = (
    (psycopg.errors.UniqueViolation, UniqueViolation),
    (psycopg.errors.ForeignKeyViolation, ForeignKeyViolation),
    (psycopg.errors.CheckViolation, CheckViolation),
    (psycopg.errors.InsufficientPrivilege, InsufficientPrivilege),
    (psycopg.errors.RaiseException, RowRejected),
    (psycopg.IntegrityError, RowRejected),
    (psycopg.DataError, RowRejected),
    (psycopg.OperationalError, DatabaseUnavailable),  # the pool's time-out is one
    (psycopg.InterfaceError, DatabaseUnavailable),
)


def translate(error: psycopg.Error) -> DatabaseError:
    """Return the store's error for one of psycopg."""
    for source, target in _TRANSLATIONS:
        if isinstance(error, source):
            return target(error)
    return DatabaseError(error)


@contextmanager
def translated() -> Iterator[None]:
    """Raise every error of psycopg inside the block as a DatabaseError."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


def unusable(error: psycopg.Error) -> SetupError:
    """Return a database error as one line that names the setting."""
    text = str(error).strip().splitlines()
    return SetupError(
        "PostgreSQL unavailable ({reason}): check VFAX_DATABASE_URL, and that `vfax migrate` was "
        "run",
        reason=text[0] if text else type(error).__name__,
    )
