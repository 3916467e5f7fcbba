"""How the sanitizer and fuzz builds differ from build/: options of meson that they share.

They compile a folder's files together, which takes a third of the time: names in the anonymous
namespaces of a folder have to differ. build/ itself compiles file by file, for those who change one.
"""

# -Wshadow would speak of a neighbour's names, -Wsubobject-linkage of types that one file alone has.
TOGETHER = ["--unity=on", "--unity-size=16"]
TOGETHER_ARGUMENTS = ["-Wno-shadow", "-Wno-subobject-linkage"]


def cpp_args(*arguments):
    """The option for these and TOGETHER_ARGUMENTS."""
    return f"-Dcpp_args={list(arguments) + TOGETHER_ARGUMENTS}"
