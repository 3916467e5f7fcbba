"""What the demo prints: steps, each with what was expected and what was seen, and a summary."""

import dataclasses
import sys


@dataclasses.dataclass(frozen=True)
class Finding:
    step: str
    what: str
    expected: str
    seen: str
    ok: bool


class Report:
    def __init__(self):
        self.findings = []
        self._step = ""

    def step(self, title):
        self._step = title.split(":")[0]
        print(f"\n{title}\n{'─' * len(title)}", flush=True)

    def say(self, text):
        print(f"  {text}", flush=True)

    def check(self, what, expected, seen, ok):
        """Records and prints one comparison; `ok` is the caller's verdict."""
        self.findings.append(Finding(self._step, what, str(expected), str(seen), bool(ok)))
        print(f"  {'ok     ' if ok else 'DIFFERS'} {what}: expected {expected}, seen {seen}",
              flush=True)

    def equal(self, what, expected, seen):
        self.check(what, expected, seen, expected == seen)

    def within(self, what, limit_s, seen_s, because=""):
        """A duration that must not exceed limit_s; `because` says where the limit comes from."""
        reason = f" ({because})" if because else ""
        self.check(what, f"at most {limit_s:.2f} s{reason}", f"{seen_s:.2f} s", seen_s <= limit_s)

    @property
    def failed(self):
        return any(not finding.ok for finding in self.findings)

    def summary(self, seconds):
        rows = [("step", "what", "expected", "seen", "")]
        rows += [(f.step, f.what, f.expected.split(" (")[0], f.seen, "ok" if f.ok else "DIFFERS")
                 for f in self.findings]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        print("\nSummary\n───────")
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        num_bad = sum(not finding.ok for finding in self.findings)
        verdict = "everything as expected" if num_bad == 0 else f"{num_bad} differ"
        print(f"\n{len(self.findings)} comparisons, {verdict}, in {seconds:.0f} s")
        sys.stdout.flush()
