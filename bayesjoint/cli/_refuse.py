"""The error of a configuration or of the command line, which ends the command with 2."""

from ._spoken import in_keys, in_options


class ConfigError(ValueError):
    """A configuration that cannot be run: the key, its value, and what is allowed."""


LONGEST = 120  # letters of a value that an error shows


def refuse(where, value, allowed):
    """Raise the error of a key: where it stands, its value (None shows none), and what is allowed."""
    text = "" if value is None else repr(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    msg = f"{where}{f' = {text}' if text else ''}: {allowed}"
    raise ConfigError(msg)


def keyed(where, build, *arguments):
    """Build something from a table; what the library refuses is an error of that table, in words of its keys."""
    try:
        return build(*arguments)
    except ConfigError:
        raise
    except (ValueError, TypeError, OSError, MemoryError, ArithmeticError, ImportError) as error:
        return refuse(where, None, in_keys(str(error) or type(error).__name__, where))


def optioned(path, build, *arguments):
    """Build something from a file of `bayesjoint init`; what the library refuses is said in words of its options."""
    try:
        return build(*arguments)
    except ConfigError:
        raise
    except (ValueError, TypeError, OSError, MemoryError, ArithmeticError, ImportError) as error:
        return refuse(path, None, in_options(str(error) or type(error).__name__))
