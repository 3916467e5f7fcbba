"""What the builds besides build/ share.

They compile a folder's files together, which takes a third of the time: names in the anonymous
namespaces of a folder have to differ.
"""

import os

TOGETHER = ["--unity=on", "--unity-size=24"]

# clang inserts what the sanitizers check in half the time that g++ takes. Each of many programs has
# a sanitizer's whole run-time library in it, which lld links in a fifth of ld's time.
CLANG = {**os.environ, "CC": "clang-16", "CXX": "clang++-16", "CC_LD": "lld", "CXX_LD": "lld"}
# It looks into the macros of the kernel's headers and of libbpf's.
CLANG_ARGS = ["-g1", "-Wno-cast-align", "-Wno-c99-extensions",
              "-Wno-gnu-statement-expression-from-macro-expansion"]
