"""Runs tools/verify.py over each folder of a folder, in one process.

usage: verify_each.py DIR
Prints a JSON object: what it ends with (0 or 3), by the folder's name.
"""
import contextlib, io, json, os, sys
from verifier import verify

ends = {}
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    with contextlib.redirect_stdout(io.StringIO()):
        sys.argv[1:], given = [folder], sys.argv[1:]
        ends[name] = verify.main()
        sys.argv[1:] = given
print(json.dumps(ends))
