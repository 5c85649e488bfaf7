"""Runs tools/verify.py over each folder of a folder, in one process.

usage: verify_each.py DIR
Prints a JSON object: what it ends with (0 or 3), by the folder's name.
"""
import contextlib, io, json, os, sys
from verifier import verify

folder, ends = sys.argv[1], {}
for name in sorted(os.listdir(folder)):
    sys.argv[1:] = [os.path.join(folder, name)]
    with contextlib.redirect_stdout(io.StringIO()):
        ends[name] = verify.main()
print(json.dumps(ends))
