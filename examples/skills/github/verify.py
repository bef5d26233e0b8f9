#!/usr/bin/env python3
"""Verify one GitHub webhook taken from a Doorbell inbox: message on stdin, one line out.

The scheme: x-hub-signature-256 is "sha256=" and the hex HMAC-SHA256 of the body.
It signs no time, so nothing here can tell a replay, and no header, so the event's name is hearsay.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

SENDER = "GitHub"
SECRET = "GITHUB_WEBHOOK_SECRET"
TOLERANCE = None  # GitHub signs no timestamp


def verify(message, body, secrets):
    """Refuse unless GitHub signed this body. Returns None: there is no signed time."""
    given = header(message, "x-hub-signature-256")
    if "," in given:
        raise Refused("several x-hub-signature-256 values; GitHub sends one")
    match([given], ["sha256=" + hmac.new(s, body, hashlib.sha256).hexdigest() for s in secrets])


def describe(message, body):
    """For instance: push to octo/repo by octocat, ref refs/heads/main"""
    payload = parse(body)
    if message["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        payload = parse(parse_qs(body.decode("utf-8", "replace")).get("payload", [""])[0])
    event = field(message["headers"], "x-github-event") or "event"
    action = field(payload, "action")
    place = field(payload, "repository", "full_name") or field(payload, "organization", "login")
    person = field(payload, "sender", "login")
    ref = field(payload, "ref")
    numbers = [field(payload, thing, "number") for thing in ("pull_request", "issue", "discussion")]
    number = next((n for n in numbers if n), "")
    return (
        event
        + (" " + action if action else "")
        + (" %s %s" % ("to" if event == "push" else "in", place) if place else "")
        + (" by " + person if person else "")
        + (", ref " + ref if ref else "")
        + (", #" + number if number else "")
    )


# --- From here on the same in every skill (skills.test.mjs holds them to it) ---


class Refused(Exception):
    """The message is not to be believed; the text says why and what to do."""


class Usage(Exception):
    """This script was called wrongly: no secret, or what is on stdin is no message."""


def header(message, name):
    """The header's value. Doorbell writes [token] over its own tokens, so such a value is not what was sent."""
    value = message["headers"].get(name)
    if not value:
        raise Refused("no %s header; is signing switched on at the sender?" % name)
    if "[token]" in value:
        raise Refused("%s held a Doorbell token and reads [token]: what was signed is gone" % name)
    return value


def match(candidates, wanted):
    """Whether any candidate signature equals any wanted one, in time that does not tell which."""
    pairs = [(c.encode("utf-8", "replace"), w.encode("ascii")) for c in candidates for w in wanted]
    if not any([hmac.compare_digest(c, w) for c, w in pairs]):
        raise Refused("the signature does not match: not from %s, changed on the way, or another secret" % SENDER)


def seconds(text):
    """A Unix time as senders write it in a header."""
    if not re.fullmatch("[0-9]{1,12}", text):
        raise Refused("the signed timestamp is not a Unix time")
    return int(text)


def field(value, *path):
    """A scalar inside a payload, safe to print, or "" when it is not there.

    Whoever fills in an issue's title chooses its characters, so all but those of
    identifiers become "?": no control byte, no line break, no sentence for a model.
    """
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = re.sub("[^A-Za-z0-9_./@#+-]", "?", value if isinstance(value, str) else "%d" % value)
    return text if len(text) <= 80 else text[:77] + "..."


def parse(text):
    """JSON, or None: a payload that is not JSON can be genuine all the same."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_message(raw):
    """One message as Doorbell hands it out, and its body's exact bytes."""
    message = parse(raw)
    wrapped = message.get("messages") if isinstance(message, dict) else None
    if isinstance(wrapped, list) and len(wrapped) == 1:  # as read_messages gives it for one id
        message = wrapped[0]
    if not isinstance(message, dict) or not isinstance(message.get("headers"), dict):
        raise Usage("stdin is not one Doorbell message as JSON (a list of them: give one at a time)")
    if not all(isinstance(value, str) for value in message["headers"].values()):
        raise Usage("the message's headers are not all strings")
    if message.get("body_truncated"):
        ident = field(message, "id") or "<id>"
        raise Refused(
            "the body was cut, so no signature fits; fetch it whole: read_messages with id %s and a larger "
            "max_body_bytes, or doorbell messages show %s --json" % (ident, ident)
        )
    try:
        if message.get("body_encoding") == "utf-8":
            return message, message["body"].encode("utf-8")
        if message.get("body_encoding") == "base64":
            return message, base64.b64decode(message["body"], validate=True)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    raise Usage("the message has no body with body_encoding utf-8 or base64")


def check_age(signed_at, message, by_the_clock):
    """Refuse a signature older or newer than TOLERANCE when it arrived; with --now, as of this moment."""
    now = time.time()
    if not by_the_clock:
        try:
            arrived = datetime.fromisoformat(re.sub("Z$", "+00:00", message["received_at"]))
            now = (arrived - datetime.fromtimestamp(0, timezone.utc)).total_seconds()
        except (KeyError, TypeError, ValueError):
            raise Usage("the message has no received_at to judge the signed time by") from None
    age = now - signed_at
    if abs(age) > TOLERANCE:
        when = "now" if by_the_clock else "on arrival"
        raise Refused(
            "stale: signed %d s %s, %s; %d s are allowed (a replay?)"
            % (abs(age), "ago" if age > 0 else "in the future", when, TOLERANCE)
        )


def run(argv):
    """One line and an exit code: 0 verified, 1 refused, 2 called wrongly."""
    try:
        if argv not in ([], ["--now"]) or (argv and TOLERANCE is None):
            raise Usage("verify.py%s < message.json" % ("" if TOLERANCE is None else " [--now]"))
        secrets = [os.fsencode(os.environ[name]) for name in (SECRET, SECRET + "_OLD") if os.environ.get(name)]
        if not secrets:
            raise Usage("set %s to the signing secret" % SECRET)
        message, body = read_message(sys.stdin.buffer.read())
        signed_at = verify(message, body, secrets)
        if TOLERANCE is not None:
            check_age(signed_at, message, "--now" in argv)
        return 0, "verified: %s %s" % (SENDER, describe(message, body))
    except Refused as why:
        return 1, "refused: %s" % why
    except Usage as why:
        return 2, "usage: %s" % why


if __name__ == "__main__":
    code, line = run(sys.argv[1:])
    print(line[:400], file=sys.stderr if code == 2 else sys.stdout)
    sys.exit(code)
