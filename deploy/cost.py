#!/usr/bin/env python3
"""Prints what a month costs, in Markdown, from docs/reference/cost.md, docs/reference/prices.json and the assumptions here.

check.py compares the output with README.md.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What a user does in a month: signs in by password, and an application refreshes its tokens.
SIGN_INS = 4
REFRESHES = 100
# Requests of a sign-in: authorization, page, password, code, userinfo.
REQUESTS = SIGN_INS * 5 + REFRESHES
SECONDS = SIGN_INS * 0.060 + (REQUESTS - SIGN_INS) * 0.015
KB_OF_ANSWER = 3
KB_OF_LOG = 0.5
KB_OF_RECORDS = 4
MEMORY_GB = 1769 / 1024
# Environments that are started: each opens three secrets by KMS, and Lambda bills its initialisation.
STARTS_PER_REQUEST = 1 / 1000
SECONDS_OF_START = 0.3

# us-east-1, 2025; free allowances other than for traffic are not deducted.
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000133334
LOG_GB = 0.50
TRAFFIC_GB, FREE_TRAFFIC_GB = 0.09, 100
STORED_GB = 0.25 + 0.20
# One dashboard and, while nothing fails, no metric of ours: both are free.
ALARM = 0.10
ALARMS = 8


def flow(name):
    """Dollars for one, of DynamoDB."""
    text = (ROOT / "docs/reference/cost.md").read_text()
    row = re.search(rf"^\| {re.escape(name)} \|.*\| ([0-9.]+) \|$", text, re.M)
    return float(row[1]) / 1e6


def month(users):
    kms = json.loads((ROOT / "docs/reference/prices.json").read_text())["kms"]
    sign_in = sum(map(flow, ["sign-in by password, up to the consent page", "code to tokens", "userinfo"]))
    requests = users * REQUESTS
    # Somebody always calls: an hourly rotation, and APIs that fetch the key set.
    starts = requests * STARTS_PER_REQUEST + 1000
    seconds = users * SECONDS + starts * SECONDS_OF_START
    gigabytes = lambda kilobytes: kilobytes / 1e6
    return {
        "DynamoDB, calls": users * (SIGN_INS * sign_in + REFRESHES * flow("refresh that rotates")),
        "DynamoDB, storage and recovery": gigabytes(users * KB_OF_RECORDS) * STORED_GB,
        "Lambda": requests * LAMBDA_REQUEST + seconds * MEMORY_GB * LAMBDA_GB_SECOND,
        "KMS": kms["dollars_per_key_and_month"] + starts * 3 * kms["dollars_per_10000_requests"]["symmetric"] / 10_000,
        "Logs": gigabytes(requests * KB_OF_LOG) * LOG_GB,
        "Alarms": ALARMS * ALARM,
        "Traffic": max(0, gigabytes(requests * KB_OF_ANSWER) - FREE_TRAFFIC_GB) * TRAFFIC_GB,
    }


def table():
    columns = [month(users) for users in [0, 10_000, 1_000_000]]
    yield "| $ a month | 0 users | 10 000 users | 1 000 000 users |"
    yield "|---|---|---|---|"
    for name in columns[0]:
        yield f"| {name} | " + " | ".join(f"{column[name]:.2f}" for column in columns) + " |"
    yield "| **total** | " + " | ".join(f"**{sum(column.values()):.2f}**" for column in columns) + " |"


if __name__ == "__main__":
    print("\n".join(table()))
