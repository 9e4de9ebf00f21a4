"""Checks the unpacked audit pack in this folder: README.txt, steps 3 and 4. It needs nothing but Python 3."""
import base64, csv, gzip, hashlib, json, struct, sys, uuid
from decimal import Decimal


def fail(why):
    sys.exit("REFUSED: " + why)


def leaf_bytes(stream, revision, id, kind, data, metadata):
    parts = [stream, kind, data, metadata]
    digest = [False] * 4
    size = lambda: 25 + sum(5 + (32 if d else len(p)) for p, d in zip(parts, digest))
    for i in (2, 3, 1, 0):
        if size() > 65535 and len(parts[i]) > 32:
            digest[i] = True
    def part(i):
        body = hashlib.sha256(parts[i]).digest() if digest[i] else parts[i]
        return bytes([digest[i]]) + struct.pack(">I", len(parts[i])) + body
    return b"\x01" + part(0) + struct.pack(">Q", revision) + id + part(1) + part(2) + part(3)


def join(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


size, stack = 0, []
proof = open("proof.bin", "rb")


def push(height, hash):
    global size
    if size % (1 << height):
        fail("proof.bin: a subtree begins in the wrong place")
    size += 1 << height
    while stack and stack[-1][0] == height:
        hash = join(stack.pop()[1], hash)
        height += 1
    stack.append((height, hash))


def up_to(leaf):
    while size < leaf:
        record = proof.read(33)
        if len(record) < 33:
            fail("proof.bin ends too early")
        push(record[0], record[1:])
    if size > leaf:
        fail("the events and proof.bin do not fit")


entries = csv.DictReader(gzip.open("ledger-entries.csv.gz", "rt", encoding="utf-8", newline=""))
entry = next(entries, None)
manifest = json.load(open("manifest.json", encoding="utf-8"))
origin, leaves, root = open("checkpoint.txt", encoding="utf-8").read().split("\n")[:3]
sums, events, booked = {}, 0, 0
for line in gzip.open("events.ndjson.gz", "rb"):
    e = json.loads(line)
    up_to(e["leaf"])
    leaf = leaf_bytes(e["stream"].encode(), e["revision"], uuid.UUID(e["id"]).bytes, e["type"].encode(),
                      base64.b64decode(e["data"]), base64.b64decode(e["metadata"]))
    push(0, hashlib.sha256(b"\x00" + leaf).digest())
    events += 1
    left = {}
    while entry and entry["event_id"] == e["id"]:
        debit, credit, currency = Decimal(entry["debit"]), Decimal(entry["credit"]), entry["currency"]
        left[currency] = left.get(currency, 0) + debit - credit
        before = sums.get((entry["account"], currency), (0, 0))
        sums[entry["account"], currency] = (before[0] + debit, before[1] + credit)
        booked += 1
        entry = next(entries, None)
    if any(left.values()):
        fail("the entries of event %s do not balance" % e["id"])
up_to(int(leaves))
hash = stack.pop()[1]
while stack:
    hash = join(stack.pop()[1], hash)
if proof.read(1) or base64.b64encode(hash).decode() != root:
    fail("the events do not lead to the root in checkpoint.txt")
if (origin, int(leaves), events, booked) != (manifest["origin"], manifest["tree_size"], manifest["events"], manifest["ledger_entries"]):
    fail("manifest.json says something else")
print("%d events of merchant %d for %s are under the head over %s leaves." % (events, manifest["merchant_id"], manifest["month"], leaves))
if entry:
    fail("an entry is of event %s, which is not in the pack" % entry["event_id"])
print("%d ledger entries lead back to those events, and balance." % booked)

totals = {}
for row in csv.DictReader(open("trial-balance.csv", encoding="utf-8", newline="")):
    a = {k: Decimal(row[k]) for k in ("opening_debit", "opening_credit", "debit", "credit", "closing_debit", "closing_credit", "balance")}
    if (a["debit"], a["credit"]) != sums.pop((row["account"], row["currency"]), (0, 0)):
        fail("trial-balance.csv: %s is not the sum of the entries" % row["account"])
    if (a["opening_debit"] + a["debit"], a["opening_credit"] + a["credit"]) != (a["closing_debit"], a["closing_credit"]) or \
            a["closing_debit"] - a["closing_credit"] != a["balance"]:
        fail("trial-balance.csv: %s does not add up" % row["account"])
    totals[row["currency"]] = totals.get(row["currency"], 0) + a["balance"]
if sums or any(totals.values()):
    fail("trial-balance.csv does not balance, or lacks an account")
print("The trial balance adds up, and balances.")

found = {}
for row in csv.DictReader(open("reconciliation-differences.csv", encoding="utf-8", newline="")):
    found[row["import_id"]] = found.get(row["import_id"], 0) + Decimal(row["amount"])
for row in csv.DictReader(open("reconciliation-imports.csv", encoding="utf-8", newline="")):
    d = Decimal(row["difference"])
    if Decimal(row["statement"]) - Decimal(row["booked"]) != d or Decimal(row["explained"]) + Decimal(row["unexplained"]) != d or \
            found.get(row["import_id"], 0) != d:
        fail("the differences of import %s do not add up" % row["import_id"])
print("The statements' differences add up.")
