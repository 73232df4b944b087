"""Right answers to the exercises of lesson 11b that are not its solutions. `test_every_check.py` gives them."""

from course.stack import Stack


def names(stack: Stack) -> dict[str, object]:
    """What the lesson has made before its exercises."""
    return {"stack": stack}


RIGHT = {
    "11b.lost_segments": [
        ("a tuple", 'lost_segments = {"missing": ("00000001000000A300000001",), "replayed up to": "00000001000000A300000000"}'),
        (
            "a set",
            """
            lost_segments = dict(missing={"00000001000000A300000001"})
            lost_segments["replayed up to"] = "00000001000000A3" + "00000000"
            """,
        ),
        (
            "by counting",
            """
            there = {*range(0xF7, 0xF9), *range(0xFA, 0x101), 0x102}
            written = lambda number: f"00000001{0xA2 + number // 256:08X}{number % 256:08X}"
            missing = sorted({*range(0xFB, 0x103)} - there)
            lost_segments = {"replayed up to": written(missing[0] - 1), "missing": [*map(written, missing)]}
            """,
        ),
    ],
    "11b.archive_settings": [
        (
            "under another name first, then renamed",
            """
            def archive_settings(archive):
                put = 'test ! -f "$D/%f.gz" && gzip -c "%p" > "$D/%f.tmp" && mv "$D/%f.tmp" "$D/%f.gz"'
                return {
                    "archive_mode": "on",
                    "archive_command": f'D="{archive}"; {put}',
                    "restore_command": f'D="{archive}"; gunzip -c "$D/%f.gz" > "%p"',
                }
            """,
        ),
        (
            "if and else, zcat",
            """
            class ArchiveSettings:
                def __call__(self, archive):
                    target = f"'{archive}'/%f.gz"
                    return dict(
                        archive_command=f"if test -e {target}; then exit 1; else gzip -9 < %p > {target}; fi",
                        restore_command=f"zcat {target} > %p",
                    )

            archive_settings = ArchiveSettings()
            """,
        ),
        (
            "noclobber, and a pipe when restoring",
            """
            import shlex

            def archive_settings(archive):
                there = shlex.quote(f"{archive}/") + "%f.gz"
                return {
                    "archive_command": f'set -C; gzip < "%p" > {there}',
                    "restore_command": f'cat {there} | gzip -d > "%p"',
                }
            """,
        ),
        (
            "the same twice is no failure",
            """
            import functools

            def commands(put, get, archive):
                return {"archive_command": put.format(archive), "restore_command": get.format(archive)}

            archive_settings = functools.partial(
                commands,
                'cd "{0}" && cd - > /dev/null && if [ -e "{0}/%f.gz" ]; then gunzip < "{0}/%f.gz" | cmp -s - "%p"; '
                'else gzip < "%p" > "{0}/%f.gz"; fi',
                'test -f "{0}/%f.gz" && gunzip < "{0}/%f.gz" > "%p"',
            )
            """,
        ),
    ],
}
