"""Counts of test results, read from the JUnit XML that meson and pytest write."""

import dataclasses
import pathlib
import xml.etree.ElementTree as ElementTree


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(self.passed + other.passed, self.failed + other.failed,
                      self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def is_skipped(case):
    # googletest marks a skipped case by an attribute in some versions, by an element in others.
    return case.find("skipped") is not None or case.get("result") == "skipped" \
        or case.get("status") == "notrun"


def read_counts(path):
    """Counts every test case in the file. A file that is missing or broken counts as empty."""
    counts = Counts()
    try:
        root = ElementTree.parse(pathlib.Path(path)).getroot()
    except (OSError, ElementTree.ParseError):
        return counts
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts.failed += 1
        elif is_skipped(case):
            counts.skipped += 1
        else:
            counts.passed += 1
    return counts


def settle(counts, exit_status):
    """The counts of a suite whose runner ended with `exit_status`.

    A program that crashes, or whose sanitizer objects at exit, may leave a report in which every
    case passed; a suite without a single case has not tested anything. Both are one failure.
    """
    nothing_ran = counts == Counts()
    if (exit_status != 0 and counts.failed == 0) or nothing_ran:
        return counts + Counts(failed=1)
    return counts
