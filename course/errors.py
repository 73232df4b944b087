"""The errors a learner may meet. Every message ends in what to do next."""


class CourseError(Exception):
    """Something the course cannot do. The message says what happened, what is safe, and what to do."""


class ServerError(CourseError):
    """A server did not start, does not answer, or cannot do what was asked of it."""


class DirectoryInUseError(ServerError):
    """Another notebook already runs its servers in this directory."""


class InputError(CourseError, ValueError):
    """A value of the wrong kind was given."""
