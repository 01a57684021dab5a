"""Copies the clients of an organisation until it has as many as asked: multiply.py DATABASE HANDLE TOTAL.

The server must not run meanwhile. Only the rows of clients and their scopes are copied; that is what a list reads.
"""

import sqlite3
import sys

path, handle, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
database = sqlite3.connect(path)


def columns(table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


with database:
    (org,) = database.execute("SELECT id FROM organizations WHERE handle = ?", (handle,)).fetchone()
    names = columns("clients")
    rows = database.execute("SELECT * FROM clients WHERE org_id = ? AND kind = 'custom' AND status = 'active'", (org,)).fetchall()
    (have,) = database.execute("SELECT count(*) FROM clients WHERE org_id = ?", (org,)).fetchone()
    for number in range(total - have):
        row = dict(zip(names, rows[number % len(rows)]))
        source, row["client_id"] = row["client_id"], f"oac_copy{number:012d}aaaa"
        row["name"], row["name_folded"] = f"{row['name']} {number}", f"{row['name_folded']} {number}"
        row["file_key"] = None  # a copy is described by no file
        row["name_sort"] += number.to_bytes(4, "big")
        marks = ", ".join("?" for _ in names)
        database.execute(f"INSERT INTO clients ({', '.join(names)}) VALUES ({marks})", [row[name] for name in names])
        scopes = columns("client_scopes")
        picked = ", ".join("?" if name == "client_id" else name for name in scopes)
        database.execute(
            f"INSERT INTO client_scopes ({', '.join(scopes)}) SELECT {picked} FROM client_scopes WHERE client_id = ?",
            (row["client_id"], source),
        )
print(database.execute("SELECT count(*) FROM clients WHERE org_id = ?", (org,)).fetchone()[0])
