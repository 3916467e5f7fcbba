#!/usr/bin/python3
"""Style as a test: sizes, opening comments, leftovers, include direction, self-contained headers.

    style_check.py CHECK BUILD_DIR      CHECK is one of the names in CHECKS below

Prints one `file:line: what is wrong` per violation and exits 1 if there is any. Looks at the files
of the tree it lies in, never at build directories. The rules themselves are in ARCHITECTURE.md.
"""

import ast
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

from include_rules import include_violations

ROOT = pathlib.Path(__file__).resolve().parents[2]

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

CPP_SUFFIXES = {".h", ".cc", ".c"}
SOURCE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".proto"}
SOURCE_FOLDERS = ("bench", "bpf", "common", "controlplane", "dataplane", "scripts", "tests")

# Spelt in two halves so that this file does not report itself. A reader cannot act on any of these.
LEFTOVER = re.compile(
    r"(\bTO" r"DO\b|\bFIX" r"ME\b|\bXX" r"X\b|\bfor " r"now\b|/wo" r"rk/)")


def source_files():
    """Every source file of the project, scripts without a suffix included, in a stable order."""
    for folder in SOURCE_FOLDERS:
        for directory, names, files in os.walk(ROOT / folder):
            names[:] = sorted(n for n in names if n != "__pycache__" and n != "corpus")
            for file in sorted(files):
                path = pathlib.Path(directory, file)
                if path.suffix in SOURCE_SUFFIXES or (folder == "scripts" and not path.suffix):
                    yield path


def read_lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def name_of(path):
    return str(path.relative_to(ROOT))


def opens_with_comment(path, lines):
    """Whether the first thing in the file, after a #! line, tells a reader what the file is.

    A .cc file with a header of the same name is told about in the header.
    """
    if path.suffix == ".cc" and path.with_suffix(".h").exists():
        return True
    first = next((line for line in lines if line.strip() and not line.startswith("#!")), "")
    if path.suffix in CPP_SUFFIXES or path.suffix == ".proto":
        return first.startswith(("//", "/*"))
    return first.startswith(("#", '"""'))


def check_text():
    """File length, line length, tabs, leftovers, and the comment that opens a file."""
    for path in source_files():
        lines = read_lines(path)
        if path.name == "__init__.py" and not lines:
            continue
        if len(lines) > FILE_LINES_MAX:
            yield f"{name_of(path)}:1: {len(lines)} lines, at most {FILE_LINES_MAX}"
        if not opens_with_comment(path, lines):
            yield f"{name_of(path)}:1: does not open with a comment that says what it is"
        for number, line in enumerate(lines, 1):
            where = f"{name_of(path)}:{number}"
            if len(line) > COLUMNS_MAX:
                yield f"{where}: {len(line)} columns, at most {COLUMNS_MAX}"
            if "\t" in line:
                yield f"{where}: a tab"
            if line != line.rstrip():
                yield f"{where}: blanks at the end of the line"
            if found := LEFTOVER.search(line):
                yield f"{where}: '{found.group(1)}': finish it or say what the limit is"


def cpp_functions(paths):
    """(path, name, first line, last line) of every C and C++ function, by universal-ctags."""
    command = ["ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "--kinds-C++=f",
               "--language-force=C++", "-o", "-", *map(str, paths)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            yield pathlib.Path(tag["path"]), tag["name"], tag["line"], tag["end"]


def python_functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield path, node.name, node.lineno, node.end_lineno


def check_functions():
    """No function is longer than a screen."""
    cpp = [path for path in source_files() if path.suffix in CPP_SUFFIXES]
    functions = list(cpp_functions(cpp)) if cpp else []
    for path in source_files():
        if path.suffix == ".py":
            functions.extend(python_functions(path))
    for path, name, first, last in functions:
        if last - first > FUNCTION_LINES_MAX:
            yield (f"{name_of(path)}:{first}: {name} has {last - first} lines, "
                   f"at most {FUNCTION_LINES_MAX}")


def check_includes():
    """Who may include whom (include_rules.py)."""
    for path in source_files():
        if path.suffix in CPP_SUFFIXES:
            yield from include_violations(ROOT, name_of(path), read_lines(path))


def header_flags(build):
    """The include paths and defines that the project's own compilations use, all together."""
    flags = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = entry["command"].split()
        for index, word in enumerate(words):
            flag = None
            if word == "-isystem":
                flag = word + words[index + 1]
            elif word.startswith(("-I", "-isystem", "-D")):
                flag = word.replace("\\", "").replace("'", "")
            if flag and flag not in flags:
                flags.append(flag)
    return flags


def compile_alone(path, flags, build):
    """The compiler's first complaint about the header on its own, or None."""
    command = ["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-w", *flags, str(path)]
    done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    complaint = next((l for l in done.stderr.splitlines() if "error:" in l), done.stderr.strip())
    return f"{name_of(path)}:1: does not compile on its own: {complaint}"


def first_includes():
    """The headers that some source file includes before anything else."""
    includes = (re.search(r'^#include (.*)$', path.read_text(), re.MULTILINE)
                for path in source_files() if path.suffix == ".cc")
    return {found[1].strip('"') for found in includes if found}


def check_headers(build):
    """Every header compiles alone, so that nobody depends on the order of includes."""
    # The build has compiled those that a source file includes first. A header that only BPF
    # programs include needs the BPF target's own headers and compiler.
    compiled = first_includes()
    headers = [path for path in source_files()
               if path.suffix == ".h" and not path.name.endswith(".bpf.h")
               and name_of(path) not in compiled]
    flags = header_flags(build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaint in pool.map(lambda path: compile_alone(path, flags, build), headers):
            if complaint:
                yield complaint


CHECKS = {"text": check_text, "functions": check_functions, "includes": check_includes,
          "headers": check_headers}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        print(f"usage: style_check.py {'|'.join(CHECKS)} BUILD_DIR", file=sys.stderr)
        return 2
    check = CHECKS[sys.argv[1]]
    build = pathlib.Path(sys.argv[2]).resolve()
    violations = list(check(build) if check is check_headers else check())
    for violation in violations:
        print(violation)
    if not any(source_files()):
        print(f"{ROOT}: no source files found")
        return 1
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
