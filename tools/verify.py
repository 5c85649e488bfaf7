#!/usr/bin/env python3
"""Verifies exported hours by the rules of docs/proof.md, with Python's standard library only.

DIR holds hours/*.ndjson, each with its .sha256. The key and the anchors should come from elsewhere.
Ends with 3 if anything differs, and names the file, what differs, and where.
"""
import argparse, hashlib, json, os, re, sys
from urllib.parse import unquote_to_bytes

# Fields of each kind of line. Lines of other kinds may have any fields; all are canonical.
FIELDS = {
    "event": "account id instance key meter payload_hash quantity source time value",
    "origin": "events instance origin quantity",
    "usage": "account aggregation events hour instance meter quantity reason root sn unbillable",
    "record": "account begin end events hour instance kind meter part prev product qty record_time replaces"
    " residue_in residue_out seq shard sn unit v",
    "chain": "account checksum seq shard",
    "total": "kind meter product quantity records unit",
    "manifest": "account body_sha256 chains_root events hour key_id number prev records records_root totals_root"
    " usage_root usages v",
    "signature": "key_id signature",
    "anchor": "account hash hour number v",
    "key": "algorithm key_id public_key v",
}
# Sections of an hour's file, in their order.
SECTION = {
    "event": 0, "origin": 0, "usage": 0, "record": 1, "wire": 1, "chain": 2, "total": 3, "instance": 4,
    "residue": 5, "correction": 5, "shard": 6, "manifest": 7, "signature": 8,
}
ZEROS, ONE = "0" * 64, 10**12  # quantities are whole numbers of 1e-12
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):\d\d:\d\d(\.\d{6})?Z")
UUID7 = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

def sha256(data):
    return hashlib.sha256(data).digest()

# Ed25519 (RFC 8032, section 5.1), verification only.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def add_points(a, b):
    k = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P
    return x, y

def multiply(n, p):
    half = multiply(n // 2, add_points(p, p)) if n else (0, 1)
    return add_points(half, p) if n & 1 else half

def decode_point(data):
    """The point of 32 bytes; ValueError for bytes that are none."""
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    x_squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x_squared, (P + 3) // 8, P)
    if (x * x - x_squared) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x_squared) % P or (x == 0 and sign):
        raise ValueError("no point")
    return (P - x if x & 1 != sign else x), y

BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def signed(key, message, signature):
    """Whether the key (hex) signed the message."""
    if not re.fullmatch("[0-9a-f]{128}", signature):
        return False
    r, s = bytes.fromhex(signature[:64]), int.from_bytes(bytes.fromhex(signature[64:]), "little")
    h = int.from_bytes(hashlib.sha512(r + bytes.fromhex(key) + message).digest(), "little") % L
    public = decode_point(bytes.fromhex(key))
    return s < L and multiply(s, BASE) == add_points(decode_point(r), multiply(h, public))

# Bytes, trees, quantities.

class Tree:
    """A Merkle tree of RFC 9162: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left || right)."""

    def __init__(self):
        self.stack = []  # roots of full subtrees, the largest first
        self.size = 0

    def add(self, data):
        node, rest = sha256(b"\0" + data), self.size
        while rest & 1:
            node, rest = sha256(b"\1" + self.stack.pop() + node), rest >> 1
        self.stack.append(node)
        self.size += 1

    def root(self):
        """Hex. What is left over at the right goes up as it is."""
        node = self.stack[-1] if self.stack else sha256(b"")
        for left in self.stack[-2::-1]:
            node = sha256(b"\1" + left + node)
        return node.hex()

def root_of(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()

def canonical(data, kind):
    """The fields of canonical bytes: sorted names, printable ASCII texts, no blank. None if one byte is otherwise."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if type(fields) is not dict:
        return None
    wanted = set(FIELDS[kind].split()) if kind in FIELDS else set(fields)
    if kind == "record" and "carried" in fields:
        wanted |= {"carried", "carries"}
    elif kind == "record" and "package" in fields:
        wanted.add("package")
    if kind == "event" and "account_named" in fields:
        wanted.add("account_named")
    if list(fields) != sorted(wanted):
        return None
    if not all(type(value) is str and re.fullmatch("[ -~]*", value) for value in fields.values()):
        return None
    return fields if json.dumps(fields, separators=(",", ":")).encode() == data else None

def units(text):
    """A decimal in steps of 1e-12; None if the text is none."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(12, "0")) if re.fullmatch(r"-?\d{1,30}(\.\d{1,12})?", text) else None

def units_or_zero(text):
    return units(text) or 0

def event_key(event_id):
    """A UUIDv7 as it is; another id's SHA-256 in the form of a UUIDv8."""
    if UUID7.fullmatch(event_id):
        return event_id.decode()
    key = bytearray(sha256(event_id)[:16])
    key[6], key[8] = key[6] & 15 | 128, key[8] & 63 | 128
    return re.sub("(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", key.hex())

class Account:
    """What the hours of one account before this one have left."""

    def __init__(self):
        self.manifest = None  # number, hash and hour of the last one
        self.heads = {}  # shard: (seq, checksum) of its last record
        self.residue = {}  # instance: units that were carried
        self.carries = set()  # serial numbers of records whose quantity a later one took over
        self.standing = {}  # (instance, origin hour): the largest value and the values that were counted
        self.hours = set()

class Block:
    """The events of one instance in one hour, up to its usage line."""

    def __init__(self):
        self.tree = Tree()
        self.groups = {}  # Group by origin hour
        self.origins = []
        self.last = (b"", "")  # source and key of the last event
        self.instance = None

class Group:
    """Events of one instance that occurred in one hour."""

    def __init__(self):
        self.events, self.negative, self.total, self.largest, self.values = 0, 0, 0, 0, set()

class Hour:
    """Reads and checks the file of one hour of one account."""

    def __init__(self, path, account, before, bad):
        self.path, self.name = path, os.path.basename(path)
        self.hour, self.account = self.name[:16], account
        self.before, self.bad = before, bad
        self.block = Block()
        self.usages = []  # (fields, bytes)
        self.sums = {}  # instance: its usage line, first and last record, filed units
        self.checksums = {}  # serial number: checksum
        self.chains, self.totals = [], []
        self.filed = {}  # (product, meter, unit, kind): units of each record
        self.sealed = {}  # manifest and signature: (fields, bytes)

    def read(self):
        """Checks every line, then what they come to; gives the hashes of the file and of its body."""
        whole, body, section = hashlib.sha256(), hashlib.sha256(), 0
        with open(self.path, "rb") as file:
            for number, raw in enumerate(file, 1):
                whole.update(raw)
                match = re.match(rb'\{"([a-z]+)":(\{.*\})\}\n\Z', raw)
                kind, data = (match[1].decode(), match[2]) if match else ("", b"")
                if kind not in ("manifest", "signature"):
                    body.update(raw)
                fields = canonical(data, kind) if kind in SECTION else None
                if fields is None or SECTION[kind] < section or kind in self.sealed:
                    self.bad("not canonical, or out of order", f"line {number}")
                if fields is not None:
                    section = SECTION[kind]
                    self.line(kind, fields, data)
        for instance, sums in self.sums.items():
            self.check_sum(instance, sums)
        self.check_totals()
        self.before.hours.add(self.hour)
        return whole.hexdigest(), body.hexdigest()

    def line(self, kind, fields, data):
        if kind == "event":
            self.event(fields, data)
        elif kind == "origin":
            self.block.origins.append(fields)
        elif kind == "usage":
            self.usage(fields)
            self.sums.setdefault(fields["instance"], {})["usage"] = fields
            self.usages.append((fields, data))
            self.block = Block()
        elif kind == "record":
            self.checksums[fields["sn"]] = self.record(fields, data)
            self.filed.setdefault(total_key(fields), []).append(units_or_zero(fields["qty"]))
        elif kind == "chain":
            self.chains.append(data)
            head = (fields["seq"], fields["checksum"])
            if fields["account"] != self.account or self.before.heads.setdefault(fields["shard"], head) != head:
                self.bad("chain", fields["shard"])
        elif kind == "total":
            self.totals.append((fields, data))
        elif kind in ("manifest", "signature"):
            self.sealed[kind] = (fields, data)

    def event(self, fields, data):
        """An event has the key of its id, comes after the one before it, and counts for the hour of its time."""
        block = self.block
        quantity, time = units(fields["quantity"] or "0"), TIME.fullmatch(fields["time"])
        block.instance = block.instance or fields["instance"]
        block.tree.add(data)
        identity = (self.account, block.instance, event_key(unquote_to_bytes(fields["id"])))
        if (fields["account"], fields["instance"], fields["key"]) != identity or not time or quantity is None:
            return self.bad("event", fields["id"])
        if fields.get("account_named") == "":
            self.bad("event", fields["id"])
        last, block.last = block.last, (unquote_to_bytes(fields["source"]), fields["key"])
        if last >= block.last:
            self.bad("event order", fields["id"])
        origin = "".join(time.groups()[:3]) + "T" + time[4] + "0000Z"
        group = block.groups.setdefault(origin, Group())
        group.events += 1
        group.negative += quantity < 0
        group.total += quantity
        group.largest = max(group.largest, quantity)
        if fields["value"]:
            group.values.add(fields["value"])

    def usage(self, fields):
        """An instance's usage is that of its events: their root, their number, and their quantity by origin."""
        block, instance = self.block, fields["instance"]
        last = self.usages[-1][0]["instance"] if self.usages else ""
        identity = (self.account, self.hour, instance)
        if (fields["account"], fields["hour"], block.instance or instance) != identity or last >= instance:
            self.bad("usage", instance)
        if (block.tree.root(), str(block.tree.size)) != (fields["root"], fields["events"]):
            self.bad("events root", instance)
        if sum(units_or_zero(origin["quantity"]) for origin in block.origins) != units(fields["quantity"]):
            self.bad("usage quantity", instance)
        for origin in block.origins:
            group = block.groups.pop(origin["origin"], Group())
            if (origin["instance"], origin["events"]) != (instance, str(group.events)) or origin["origin"] > self.hour:
                self.bad("origin", instance)
            counted = self.counted(fields["aggregation"], instance, origin["origin"], group)
            if counted not in (None, units(origin["quantity"])):
                self.bad("usage quantity", instance)
        if block.groups:
            self.bad("events of no origin", instance)

    def counted(self, aggregation, instance, origin, group):
        """Units that the events of one origin hour come to; None if hours that are not here decide it."""
        if aggregation == "sum":
            return group.total
        if aggregation == "count":
            return (group.events - 2 * group.negative) * ONE
        if origin != self.hour and origin not in self.before.hours:
            return None
        largest, values = self.before.standing.get((instance, origin), (0, set()))
        now = self.before.standing[instance, origin] = (max(largest, group.largest), values | group.values)
        return now[0] - largest if aggregation == "max" else (len(now[1]) - len(values)) * ONE

    def record(self, fields, data):
        """A record goes on from the one before it in its chain; gives its checksum."""
        sn, is_rereport = fields["sn"], fields["kind"] == "rereport"
        checksum = sha256(b"billrec-v1\n" + data).hex()
        head = self.before.heads.get(fields["shard"]) or (("0", ZEROS) if fields["seq"] == "1" else None)
        if head and (str(int(head[0]) + 1), head[1]) != (fields["seq"], fields["prev"]):
            self.bad("chain", sn)
        self.before.heads[fields["shard"]] = (fields["seq"], checksum)
        named = ("sn-v1", self.account, fields["instance"], fields["begin"], fields["end"], fields["part"])
        if "b1" + sha256("\n".join(named).encode()).hex()[:48] != sn or sn in self.checksums:
            self.bad("serial number", sn)
        is_of_slot = "carried" in fields
        version = "3" if is_of_slot else {None: "1", "": None}.get(fields.get("package"), "2")
        if not (
            fields["v"] == version
            and fields["account"] == self.account
            and fields["begin"] < fields["end"]
            and units(fields["qty"]) is not None
            and units(fields["qty"]) >= (0 if is_of_slot else 1)
            and (not is_of_slot or self.is_carried(sn, fields["carried"], fields["carries"]))
            and (fields["hour"] <= self.hour if is_rereport else fields["hour"] == self.hour)
            and is_rereport == (fields["replaces"] != "")
            and fields["kind"] in ("usage", "supplement", "rereport")
        ):
            self.bad("record", sn)
        if not is_rereport:
            self.add_to_sum(fields)
        return checksum

    def is_carried(self, sn, carried, carries):
        """What is taken over comes from records, each of which gives once."""
        given = carries.split(" ") if carries else []
        if any(not re.fullmatch("b1[0-9a-f]{48}", one) or one in self.before.carries | {sn} for one in given):
            return False
        self.before.carries |= set(given)
        return units_or_zero(carried) > 0 if given else carried == "0"

    def add_to_sum(self, fields):
        sums = self.sums.setdefault(fields["instance"], {})
        own = units_or_zero(fields["qty"]) - units_or_zero(fields.get("carried", "0"))
        sums["filed"] = sums.get("filed", 0) + own
        if fields["part"] == "0":
            sums["first"] = fields
        elif fields["events"] != "0":
            self.bad("record events", fields["sn"])
        if int(fields["part"]) >= int(sums.get("last", fields)["part"]):
            sums["last"] = fields

    def check_sum(self, instance, sums):
        """What was carried in and used is what was filed, cannot be billed, and is carried on."""
        usage, first, known = sums.get("usage"), sums.get("first"), self.before.residue.get(instance)
        if not usage and first and "carried" in first:
            # A record may be of no usage of its own hour: for what it takes over, or for its slot.
            usage = {"sn": first["sn"], "events": "0", "quantity": "0", "unbillable": "0"}
        if not usage or (first["sn"] if first else "") != usage["sn"] or first and first["events"] != usage["events"]:
            return self.bad("sum", instance)
        carried = units(first["residue_in"]) if first else known
        if known not in (None, carried):
            self.bad("residue", instance)
        if carried is None:
            return None
        left = carried + units(usage["quantity"]) - units(usage["unbillable"]) - sums.get("filed", 0)
        self.before.residue[instance] = left
        if first and left != units(sums["last"]["residue_out"]):
            self.bad("sum", instance)

    def check_totals(self):
        stated = {total_key(fields): (units(fields["quantity"]), fields["records"]) for fields, _ in self.totals}
        if stated != {key: (sum(filed), str(len(filed))) for key, filed in self.filed.items()}:
            self.bad("totals")

    def check_manifest(self, body_hash):
        """The manifest says what the lines are, and follows the one before it; gives its hash and the signed bytes."""
        (manifest, data), (signature, _) = self.sealed["manifest"], self.sealed["signature"]
        found = {
            "v": "1",
            "account": self.account,
            "hour": self.hour,
            "records": len(self.checksums),
            "usages": len(self.usages),
            "key_id": signature["key_id"],
            "records_root": root_of(bytes.fromhex(self.checksums[sn]) for sn in sorted(self.checksums)),
            "usage_root": root_of(line for _, line in self.usages),
            "chains_root": root_of(self.chains),
            "totals_root": root_of(line for _, line in self.totals),
            "body_sha256": body_hash,
            "events": sum(int(usage["events"]) for usage, _ in self.usages),
        }
        for field, value in found.items():
            if manifest[field] != str(value):
                self.bad("manifest " + field, value)
        number, prev = int(manifest["number"]), manifest["prev"]
        # Without the one before it, only the first manifest can be told to be the next.
        last = self.before.manifest or ((0, ZEROS, "") if number <= 1 else None)
        if last and ((str(last[0] + 1), last[1]) != (manifest["number"], prev) or last[2] >= self.hour):
            self.bad("manifest chain", manifest["number"])
        message = b"billman-v1\n" + data
        self.before.manifest = (number, sha256(message).hex(), self.hour)
        return message

def total_key(fields):
    return fields["product"], fields["meter"], fields["unit"], fields["kind"]

class Verification:
    """The hours of a folder, with its keys and anchors."""

    def __init__(self):
        self.keys = {}  # key id: public key, hex
        self.findings = []
        self.accounts = {}
        self.manifests = {}  # (account, number): (hash, hour)

    def check_hour(self, path):
        name = os.path.basename(path)
        account = unquote_to_bytes(name[17:-7]).decode()
        before = self.accounts.setdefault(account, Account())

        def bad(what, where=""):
            self.findings.append((name, what, where))

        hour = Hour(path, account, before, bad)
        file_hash, body_hash = hour.read()
        if read_or_empty(path + ".sha256") != f"{file_hash}  {name}\n".encode():
            bad("file hash")
        if len(hour.sealed) < 2:
            return bad("truncated")
        message = hour.check_manifest(body_hash)
        number = hour.sealed["manifest"][0]["number"]
        self.manifests[account, number] = (sha256(message).hex(), hour.hour)
        signature = hour.sealed["signature"][0]
        key = self.keys.get(signature["key_id"])
        if not key or not signed(key, message, signature["signature"]):
            bad("signature")

    def check_anchors(self, path):
        """Every manifest has its anchor, and no anchor says otherwise."""
        anchored = set()
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                fields = canonical(raw[:-1], "anchor")
                known = fields and self.manifests.get((fields["account"], fields["number"]))
                if raw.endswith(b"\n") and fields and fields["v"] == "1" and known == (fields["hash"], fields["hour"]):
                    anchored.add((fields["account"], fields["number"]))
                else:
                    self.findings.append((path, "anchor differs", f"line {number}"))
        self.findings += [(path, "anchor missing", *one) for one in self.manifests if one not in anchored]

    def read_keys(self, path):
        with open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                key = canonical(raw[:-1], "key") if raw.endswith(b"\n") else None
                if not key or not re.fullmatch("[0-9a-f]{64}", key["public_key"]):
                    raise ValueError(number)
                own_id = sha256(bytes.fromhex(key["public_key"])).hex()[:16]
                if (key["v"], key["algorithm"], key["key_id"]) != ("1", "ed25519", own_id):
                    raise ValueError(number)
                self.keys[own_id] = key["public_key"]

    def attempt(self, work, path):
        """What cannot be read is a finding."""
        try:
            work(path)
        except (ValueError, KeyError, TypeError, OSError) as error:
            self.findings.append((path, "unreadable", error))

def read_or_empty(path):
    with open(path if os.path.exists(path) else os.devnull, "rb") as file:
        return file.read()

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("dir", "--key", "--anchors"):
        parser.add_argument(name)
    args, run = parser.parse_args(), Verification()
    run.attempt(run.read_keys, args.key or os.path.join(args.dir, "proof-key.json"))
    for name in sorted(os.listdir(os.path.join(args.dir, "hours"))):
        if name.endswith(".ndjson"):
            run.attempt(run.check_hour, os.path.join(args.dir, "hours", name))
    run.attempt(run.check_anchors, args.anchors or os.path.join(args.dir, "anchors.ndjson"))
    for finding in run.findings:
        print(*finding)
    print(f"{len(run.manifests)} hours verified")
    return 3 if run.findings or not run.manifests else 0

if __name__ == "__main__":
    sys.exit(main())
