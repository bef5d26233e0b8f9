#!/usr/bin/env python3
"""Verify one Linear webhook taken from a Doorbell inbox: message on stdin, one line out.

The scheme: linear-signature is the hex HMAC-SHA256 of the body. The moment of sending is inside the
body, webhookTimestamp in milliseconds; the linear-timestamp header is not signed and not looked at.
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

SENDER = "Linear"
SECRET = "LINEAR_WEBHOOK_SECRET"
TOLERANCE = 60  # seconds, as Linear documents it and its SDK has it


def verify(message, body, secrets):
    """Refuse unless Linear signed this body. Returns the signed Unix time."""
    given = header(message, "linear-signature")
    if "," in given:
        raise Refused("several linear-signature values; Linear sends one")
    match([given], [hmac.new(s, body, hashlib.sha256).hexdigest() for s in secrets])
    payload = parse(body)
    stamp = payload.get("webhookTimestamp") if isinstance(payload, dict) else None
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not 0 <= stamp < 10**15:
        raise Refused("the signed body has no webhookTimestamp in milliseconds")
    return stamp / 1000


def describe(message, body):
    """For instance: Issue update ENG-123 by user 5f2c..."""
    payload = parse(body)
    about = field(payload, "data", "identifier") or field(payload, "data", "id")
    actor = " ".join(part for part in (field(payload, "actor", "type"), field(payload, "actor", "id")) if part)
    return (
        (field(payload, "type") or "event")
        + (" " + field(payload, "action") if field(payload, "action") else "")
        + (" " + about if about else "")
        + (" by " + actor if actor else "")
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
