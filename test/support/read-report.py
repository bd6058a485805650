"""Reads a delivery status notification with Python's own email package and prints what it found as JSON: a reader we did not write."""
import email, email.policy, email.utils, json, sys



def text_of(part):
    """The package takes every message/* for a whole message; this gives back what was in it."""
    if part.is_multipart():
        return part.get_payload(0).as_bytes(policy=email.policy.SMTPUTF8.clone(max_line_length=0)).replace(b"\r\n", b"\n")
    return part.get_payload(decode=True).replace(b"\r\n", b"\n")


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
parts = list(message.iter_parts())
status = parts[1]
if status.get_content_type() == "message/delivery-status":
    blocks = status.get_payload()
else:
    blocks = [parse(block + b"\n\n") for block in text_of(status).split(b"\n\n") if block.strip()]
third = parts[2]
returned = parse(text_of(third))
print(json.dumps({
    "defects": [str(d) for part in message.walk() for d in part.defects],
    "type": message.get_content_type(),
    "reportType": message.get_param("report-type"),
    "header": {name.lower(): str(value) for name, value in message.items()},
    "date": email.utils.parsedate_to_datetime(str(message["Date"])).timestamp() * 1000,
    "types": [part.get_content_type() for part in parts],
    "text": parts[0].get_content(),
    "blocks": [[[name, " ".join(str(value).split())] for name, value in block.items()] for block in blocks],
    "returnedSubject": str(returned["Subject"]),
    "returnedBody": third.get_payload(0).get_payload() if third.get_content_type() == "message/rfc822" else None,
}))
