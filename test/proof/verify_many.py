"""Runs tools/verify.py over many changed copies of an archive, in one process.

usage: verify_many.py DIR CASES    CASES: a JSON list; each case is {"path": [offset, byte]} or {"path": "hex of the file"}
Prints a JSON list of the numbers of cases in which nothing was found.
"""
import builtins, contextlib, io, json, sys
from pathlib import Path
from verifier import verify

folder = Path(sys.argv[1])
paths = [p for p in folder.rglob("*") if p.is_file()]
whole = {str(p): p.read_bytes() for p in paths}
changed = {}

def fake_open(path, mode="r"):
    return io.BytesIO(changed.get(str(path), whole.get(str(path), None)))

verify.open = fake_open
missed = []
cases = json.load(builtins.open(sys.argv[2]))
sys.argv[1:] = [str(folder)]
for number, case in enumerate(cases):
    changed.clear()
    for path, change in case.items():
        full = str(folder / path)
        if isinstance(change, str):
            changed[full] = bytes.fromhex(change)
        else:
            data = bytearray(whole[full])
            data[change[0]] = change[1]
            changed[full] = bytes(data)
    with contextlib.redirect_stdout(io.StringIO()):
        found = verify.main() == 3
    if not found:
        missed.append(number)
print(json.dumps(missed))
