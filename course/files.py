"""Writing a file so that it is there whole or not at all, and putting one aside that cannot be read."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file in one step: a reader finds what was there before or all of the new, also after a crash. Its mode stays.

    Args:
        path: the file. Its folder is made if it is not there.
        content: a text is written as UTF-8.

    Raises:
        OSError: it could not be written; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        try:
            draft.write(content.encode() if isinstance(content, str) else content)
            draft.flush()
            os.fsync(draft.fileno())
            os.fchmod(draft.fileno(), mode)
            os.replace(draft.name, path)
        except BaseException:
            os.unlink(draft.name)
            raise


def put_aside(path: Path) -> Path:
    """Rename a file that cannot be understood, so that nothing in it is lost. Returns its new path, which replaces no other."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    return path.rename(aside)
