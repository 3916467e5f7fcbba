"""What the builds besides build/ share.

They compile a folder's files together, which takes a third of the time: names in the anonymous
namespaces of a folder have to differ.
"""

TOGETHER = ["--unity=on", "--unity-size=16"]
