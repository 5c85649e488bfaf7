#!/usr/bin/env python3
"""Verifies exported hours by the rules of docs/proof.md; Python's standard library alone.
DIR holds hours/*.ndjson with their .sha256; key and anchors should come from elsewhere. Ends with 3 if anything differs."""
import argparse, hashlib, json, os, re, sys
from urllib.parse import unquote_to_bytes
FIELDS = {name: fields.split() for name, _, fields in (line.partition(": ") for line in (
    "event: account id instance key meter payload_hash quantity source time value;origin: events instance origin quantity;"
    "usage: account aggregation events hour instance meter quantity reason root sn unbillable;record: account begin end "
    "events hour instance kind meter part prev product qty record_time replaces residue_in residue_out seq shard sn unit v;"
    "chain: account checksum seq shard;total: kind meter product quantity records unit;manifest: account body_sha256 "
    "chains_root events hour key_id number prev records records_root totals_root usage_root usages v;signature: key_id "
    "signature;anchor: account hash hour number v;key: algorithm key_id public_key v").split(";"))}
ORDER = dict(event=0, origin=0, usage=0, record=1, wire=1, chain=2, total=3, instance=4, residue=5, correction=5, shard=6, manifest=7, signature=8)
TOTAL, ZEROS, sha = ("product", "meter", "unit", "kind"), "0" * 64, lambda data: hashlib.sha256(data).digest()
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):\d\d:\d\d(\.\d{6})?Z")
UUID7 = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Ed25519 (RFC 8032, section 5.1), verification alone
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1] % P
    return (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P
def times(n, p):
    half = times(n // 2, add(p, p)) if n else (0, 1)
    return add(half, p) if n & 1 else half
def point(data):
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign): raise ValueError("no point")
    return P - x if x & 1 != sign else x, y
BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
def signed(key, message, signature):
    if not re.fullmatch("[0-9a-f]{128}", signature): return False
    r, s = bytes.fromhex(signature[:64]), int.from_bytes(bytes.fromhex(signature[64:]), "little")
    h = int.from_bytes(hashlib.sha512(r + bytes.fromhex(key) + message).digest(), "little") % L
    return s < L and times(s, BASE) == add(point(r), times(h, point(bytes.fromhex(key))))
# Bytes, trees, quantities
class Tree:  # RFC 9162: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right), odd nodes go up as they are
    def __init__(self): self.stack, self.size = [], 0
    def add(self, data):
        node, rest = sha(b"\0" + data), self.size
        while rest & 1: node, rest = sha(b"\1" + self.stack.pop() + node), rest >> 1
        self.stack, self.size = self.stack + [node], self.size + 1
    def root(self, leaves=()):
        for leaf in leaves: self.add(leaf)
        node = self.stack[-1] if self.stack else sha(b"")
        for left in self.stack[-2::-1]: node = sha(b"\1" + left + node)
        return node.hex()
def canonical(data, kind):  # the fields of canonical bytes; None where one byte is otherwise
    try: fields = json.loads(data)
    except ValueError: return None
    if type(fields) is not dict or list(fields) != sorted({"package", *FIELDS[kind]} if kind == "record" and "package" in fields
            else FIELDS.get(kind, fields)) or not all(type(v) is str and re.fullmatch("[ -~]*", v) for v in fields.values()): return None
    return fields if json.dumps(fields, separators=(",", ":")).encode() == data else None
def units(text):  # a decimal in steps of 1e-12; None where it is none
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(12, "0")) if re.fullmatch(r"-?\d{1,30}(\.\d{1,12})?", text) else None
def event_key(eid):
    if UUID7.fullmatch(eid): return eid.decode()
    k = bytearray(sha(eid)[:16])
    k[6], k[8] = k[6] & 15 | 128, k[8] & 63 | 128
    return re.sub("(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", k.hex())
new_block = lambda: dict(tree=Tree(), groups={}, origins=[], last=(b"", ""), instance=None)
class Run:
    def __init__(self):  # state, by account: the manifest before, chain heads, residues, standing values, hours seen
        self.keys, self.bad, self.manifests, self.anchored, self.state = {}, [], {}, set(), {}
    def hour(self, path):
        name, bad = os.path.basename(path), lambda code, where="": self.bad.append((os.path.basename(path), code, where))
        account, hour = unquote_to_bytes(name[17:-7]).decode(), name[:16]
        st = self.state.setdefault(account, dict(manifest=None, heads={}, residue={}, standing={}, hours=set()))
        whole, body, section, block, sealed = hashlib.sha256(), hashlib.sha256(), 0, new_block(), {}
        usages, sums, hashes, chains, totals, filed = [], {}, {}, [], [], {}
        for at, raw in enumerate(open(path, "rb"), 1):
            whole.update(raw)
            match = re.match(rb'\{"([a-z]+)":(\{.*\})\}\n\Z', raw)
            kind, data = (match[1].decode(), match[2]) if match else ("", b"")
            if kind not in ("manifest", "signature"): body.update(raw)
            f = canonical(data, kind) if kind in ORDER else None
            if f is None or ORDER[kind] < section or kind in sealed: bad("not canonical, or out of order", f"line {at}")
            if f is None: continue
            section = ORDER[kind]
            if kind == "event": self.event(f, data, block, account, bad)
            elif kind == "origin": block["origins"].append(f)
            elif kind == "usage":
                self.usage(f, block, account, hour, usages, st, bad)
                sums.setdefault(f["instance"], {})["usage"], block = f, new_block()
                usages.append((f, data))
            elif kind == "record":
                hashes[f["sn"]] = self.record(f, data, account, hour, hashes, sums, st, bad)
                filed.setdefault(tuple(f[n] for n in TOTAL), []).append(units(f["qty"]) or 0)
            elif kind == "chain":
                head = chains.append(data) or (f["seq"], f["checksum"])
                if f["account"] != account or st["heads"].setdefault(f["shard"], head) != head: bad("chain", f["shard"])
            elif kind == "total": totals.append((data, f))
            elif ORDER[kind] > 6: sealed[kind] = (f, data)
        for instance, s in sums.items(): self.sum(instance, s, st, bad)
        found = {tuple(f[n] for n in TOTAL): (units(f["quantity"]), f["records"]) for _, f in totals}
        if found != {k: (sum(q), str(len(q))) for k, q in filed.items()}: bad("totals")
        st["hours"].add(hour)
        sidecar = open(path + ".sha256", "rb").read() if os.path.exists(path + ".sha256") else b""
        if sidecar != f"{whole.hexdigest()}  {name}\n".encode(): bad("file hash")
        if len(sealed) < 2: return bad("truncated")
        (m, data), (sig, _) = sealed["manifest"], sealed["signature"]
        for field, value in dict(
                v="1", account=account, hour=hour, records=len(hashes), usages=len(usages), key_id=sig["key_id"],
                records_root=Tree().root(bytes.fromhex(hashes[sn]) for sn in sorted(hashes)),
                usage_root=Tree().root(d for _, d in usages), chains_root=Tree().root(chains),
                totals_root=Tree().root(d for d, _ in totals), body_sha256=body.hexdigest(),
                events=sum(int(u["events"]) for u, _ in usages)).items():
            if m[field] != str(value): bad("manifest " + field, value)
        before, message = st["manifest"] or (0, ZEROS, "", int(m["number"]) > 1), b"billman-v1\n" + data
        if not before[3] and ((str(before[0] + 1), before[1]) != (m["number"], m["prev"]) or before[2] >= hour):
            bad("manifest chain", m["number"])
        st["manifest"] = (int(m["number"]), sha(message).hex(), hour, False)
        self.manifests[account, m["number"]] = (sha(message).hex(), hour)
        key = self.keys.get(sig["key_id"])
        if not key or not signed(key, message, sig["signature"]): bad("signature")
    def event(self, f, data, b, account, bad):
        q, time, b["instance"] = units(f["quantity"] or "0"), TIME.fullmatch(f["time"]), b["instance"] or f["instance"]
        b["tree"].add(data)
        identity = (account, b["instance"], event_key(unquote_to_bytes(f["id"])))
        if (f["account"], f["instance"], f["key"]) != identity or not time or q is None: return bad("event", f["id"])
        before, b["last"] = b["last"], (unquote_to_bytes(f["source"]), f["key"])
        if before >= b["last"]: bad("event order", f["id"])
        origin = "".join(time.groups()[:3]) + "T" + time[4] + "0000Z"
        count, total, most, values, gone = b["groups"].get(origin, (0, 0, 0, set(), 0))
        if f["value"]: values.add(f["value"])
        b["groups"][origin] = (count + 1, total + q, max(most, q), values, gone + (q < 0))
    def usage(self, f, b, account, hour, usages, st, bad):
        i = f["instance"]
        last = usages[-1][0]["instance"] if usages else ""
        if (f["account"], f["hour"], b["instance"] or i) != (account, hour, i) or last >= i: bad("usage", i)
        if (b["tree"].root(), str(b["tree"].size)) != (f["root"], f["events"]): bad("events root", i)
        if sum(units(o["quantity"]) or 0 for o in b["origins"]) != units(f["quantity"]): bad("usage quantity", i)
        for o in b["origins"]:
            count, total, most, values, gone = b["groups"].pop(o["origin"], (0, 0, 0, set(), 0))
            if (o["instance"], o["events"]) != (i, str(count)) or o["origin"] > hour: bad("origin", i)
            quantity = {"sum": total, "count": (count - 2 * gone) * 10**12}.get(f["aggregation"])
            if quantity is None and (o["origin"] == hour or o["origin"] in st["hours"]):
                old = st["standing"].get((i, o["origin"]), (0, set()))
                new = st["standing"][i, o["origin"]] = (max(old[0], most), old[1] | values)
                quantity = new[0] - old[0] if f["aggregation"] == "max" else (len(new[1]) - len(old[1])) * 10**12
            if quantity not in (None, units(o["quantity"])): bad("usage quantity", i)
        if b["groups"]: bad("events of no origin", i)
    def record(self, f, data, account, hour, hashes, sums, st, bad):
        sn, again, checksum = f["sn"], f["kind"] == "rereport", sha(b"billrec-v1\n" + data).hex()
        head = st["heads"].get(f["shard"]) or (("0", ZEROS) if f["seq"] == "1" else None)
        if head and (str(int(head[0]) + 1), head[1]) != (f["seq"], f["prev"]): bad("chain", sn)
        st["heads"][f["shard"]] = (f["seq"], checksum)
        identity = "\n".join(("sn-v1", account, f["instance"], f["begin"], f["end"], f["part"]))
        if "b1" + sha(identity.encode()).hex()[:48] != sn or sn in hashes: bad("serial number", sn)
        if not (f["v"] == {None: "1", "": None}.get(f.get("package"), "2") and f["account"] == account
                and f["begin"] < f["end"] and (units(f["qty"]) or 0) > 0 and (f["hour"] <= hour if again else f["hour"] == hour) and again == (f["replaces"] != "")
                and f["kind"] in ("usage", "supplement", "rereport")): bad("record", sn)
        if not again:
            s = sums.setdefault(f["instance"], {})
            s["filed"] = s.get("filed", 0) + (units(f["qty"]) or 0)
            if f["part"] == "0": s["first"] = f
            elif f["events"] != "0": bad("record events", sn)
            if int(f["part"]) >= int(s.get("last", f)["part"]): s["last"] = f
        return checksum
    def sum(self, instance, s, st, bad):
        u, first, known = s.get("usage"), s.get("first"), st["residue"].get(instance)
        if not u or (first["sn"] if first else "") != u["sn"] or first and first["events"] != u["events"]:
            return bad("sum", instance)
        carried = units(first["residue_in"]) if first else known
        if known not in (None, carried): bad("residue", instance)
        if carried is None: return
        out = st["residue"][instance] = carried + units(u["quantity"]) - units(u["unbillable"]) - s.get("filed", 0)
        if first and out != units(s["last"]["residue_out"]): bad("sum", instance)
    def anchors(self, path):
        for at, raw in enumerate(open(path, "rb"), 1):
            f = canonical(raw[:-1], "anchor")
            known = f and self.manifests.get((f["account"], f["number"]))
            if f and raw.endswith(b"\n") and f["v"] == "1" and known == (f["hash"], f["hour"]):
                self.anchored.add((f["account"], f["number"]))
            else: self.bad.append((path, "anchor differs", f"line {at}"))
        self.bad += [(path, "anchor missing", *m) for m in self.manifests if m not in self.anchored]
    def key_file(self, path):
        for at, raw in enumerate(open(path, "rb"), 1):
            k = canonical(raw[:-1], "key") if raw.endswith(b"\n") else None
            own = sha(bytes.fromhex(k["public_key"])).hex()[:16] if k and re.fullmatch("[0-9a-f]{64}", k["public_key"]) else None
            if not own or (k["v"], k["algorithm"], k["key_id"]) != ("1", "ed25519", own): raise ValueError(at)
            self.keys[own] = k["public_key"]
    def attempt(self, work, path):
        try: work(path)
        except (ValueError, KeyError, TypeError, OSError) as error: self.bad.append((path, "unreadable", error))
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("dir", "--key", "--anchors"): parser.add_argument(name)
    args, run = parser.parse_args(), Run()
    run.attempt(run.key_file, args.key or os.path.join(args.dir, "proof-key.json"))
    for name in sorted(os.listdir(os.path.join(args.dir, "hours"))):
        if name.endswith(".ndjson"): run.attempt(run.hour, os.path.join(args.dir, "hours", name))
    run.attempt(run.anchors, args.anchors or os.path.join(args.dir, "anchors.ndjson"))
    print(*(" ".join(map(str, finding)) for finding in run.bad), f"{len(run.manifests)} hours verified", sep="\n")
    return 3 if run.bad or not run.manifests else 0
if __name__ == "__main__": sys.exit(main())
