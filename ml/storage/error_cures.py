"""What helps against the errors of a file system that are neither a full disk nor a wrong path."""

from __future__ import annotations

import errno

from ml.errors import FinalError, RetrainError, TransientError

_BUSY = (TransientError, "Something else holds the file or the directory. Wait until it has ended, then repeat.")
_DAMAGED = (TransientError, "The disk or the network file system fails: look at the kernel's log, then repeat.")
_DESCRIPTORS = (TransientError, "Raise the limit of open files (ulimit -n), or end what holds so many; then repeat.")
CURES: dict[int, tuple[type[RetrainError], str]] = {
    errno.EISDIR: (FinalError, "A directory stands where a file belongs: move it away."),
    errno.ENOTDIR: (FinalError, "A file stands where a directory belongs: move it away, or choose another --root."),
    errno.EEXIST: (FinalError, "Something else stands in its place: move it away, or choose another --root."),
    errno.ELOOP: (FinalError, "It is a link that leads nowhere: remove it, or choose another --root."),
    errno.EIO: _DAMAGED,
    errno.ESTALE: _DAMAGED,
    errno.ENODEV: _DAMAGED,
    errno.ENXIO: _DAMAGED,
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
    errno.EBUSY: _BUSY,
    errno.ENOTEMPTY: _BUSY,
    errno.ETXTBSY: _BUSY,
    errno.ENOLCK: (FinalError, "The file system takes no locks (flock): put the root on one that does."),
    errno.EOPNOTSUPP: (FinalError, "The file system cannot do that: put the root on a local one."),
    errno.EXDEV: (FinalError, "Directories are renamed into place: keep the whole root on one file system."),
    errno.EINVAL: (FinalError, "The file system refuses that: put the root on a local one."),
}
"""What else a file system can answer, whether it may pass, and what helps."""
