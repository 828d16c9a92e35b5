"""Starts ministack with three corrections.

It evaluates IAM and key policies, but of the condition keys of KMS and DynamoDB it fills in few, and a missing key never
equals anything. Here those that the template's policies name are taken from the request, as AWS documents them.

And it answers `POST /login` and `GET /logout` of every host as Cognito would. Those of function URLs are for the function.

And when a function is updated, it ends environments in the middle of an invocation. On AWS an environment ends between two.
"""

import json
from threading import Thread

from ministack import app
from ministack.core import iam_actions, lambda_runtime

PARAMETERS = {"KeySpec": "kms:KeySpec", "KeyUsage": "kms:KeyUsage", "SigningAlgorithm": "kms:SigningAlgorithm"}

tags_of = iam_actions.request_tag_context
keys_of_dynamodb = iam_actions.dynamodb_service_context
kill_at_once = lambda_runtime.kill_workers


def request(body):
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def keys_of_any(service, action, body, parameters):
    keys = tags_of(service, action, body, parameters)
    if service == "kms":
        sent = request(body)
        keys |= {key: sent[name] for name, key in PARAMETERS.items() if name in sent}
        keys |= {f"kms:EncryptionContext:{name}": value for name, value in sent.get("EncryptionContext", {}).items()}
    return keys


def partitions(sent):
    """The values of the partition key that a request names. A transaction and a batch name one for each of their items."""
    for name in ["Key", "Item"]:
        if "pk" in sent.get(name, {}):
            yield sent[name]["pk"]["S"]
    for tables in sent.get("RequestItems", {}).values():
        yield from (key["pk"]["S"] for key in tables.get("Keys", []))
    for value in sent.get("ExpressionAttributeValues", {}).values() if "KeyConditionExpression" in sent else []:
        yield value.get("S", "")


def keys_with_partitions(body):
    return {**keys_of_dynamodb(body), "dynamodb:LeadingKeys": list(partitions(request(body)))}


def not_for_function_urls(handle):
    async def handled(method, path, headers, *rest):
        if app._LAMBDA_URL_RE.match(headers.get("host", "")):
            return None
        return await handle(method, path, headers, *rest)

    return handled


def kill_between_invocations(workers):
    """On threads, because an invocation may need the one that calls this."""

    def kill(worker):
        # Held during an invocation.
        with worker._lock:
            kill_at_once([worker])

    for worker in workers:
        Thread(target=kill, args=[worker], daemon=True).start()


app._handle_cognito_get_request = not_for_function_urls(app._handle_cognito_get_request)
app._handle_cognito_body_request = not_for_function_urls(app._handle_cognito_body_request)
iam_actions.request_tag_context = keys_of_any
iam_actions.dynamodb_service_context = keys_with_partitions
lambda_runtime.kill_workers = kill_between_invocations

if __name__ == "__main__":
    app.main()
