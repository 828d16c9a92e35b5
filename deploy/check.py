#!/usr/bin/env python3
"""Compares template.yaml with what the program does, and has it linted.

Linters know AWS, not Keyward: that a role may do exactly what the code calls, and that the table is the one the code
expects, is checked here. Needs the packages of check.txt; run it as `deploy/check.py`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cfnlint.decode.cfn_yaml import load as read_yaml
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

import cost

# The translator asks for one; the template has none.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "deploy/template.yaml"
SAMPLE = ROOT / "deploy/protect/template.yaml"

# Calls that only operators' commands make (docs/guides/dynamodb.md).
OF_OPERATORS = {
    "ConditionCheckItem",
    "CreateTable",
    "DescribeContinuousBackups",
    "DescribeTimeToLive",
    "Scan",
    "UpdateContinuousBackups",
    "UpdateTimeToLive",
}
CONTEXT = {
    "StringEquals": {
        "kms:EncryptionContext:realm": "main",
        "kms:EncryptionContext:purpose": ["signing-key", "master"],
    }
}


def source(path):
    return (ROOT / path).read_text()


def plain(value):
    """Without the parser's own kinds of objects."""
    return json.loads(json.dumps(value))


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(policy):
    """Those of any condition, each with its condition."""
    for statement in policy["Statement"]:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def actions(policy, service):
    found = [action for statement in statements(policy) for action in as_list(statement["Action"])]
    return {action.split(":")[1] for action in found if action.startswith(service + ":")}


def operation(method):
    """The operation that a method of the SDK's client calls."""
    return "".join(word.capitalize() for word in method.split("_"))


def calls_of(text):
    """The operations called in `client.put_item()`, or `client.get().await?.sign()` where the client is made when first used."""
    called = re.findall(r"\bclient\s*(?:\.get\(\)\s*\.await\?\s*)?\.(\w+)\(\)", text)
    return {operation(method) for method in called}


def calls_of_store():
    files = (ROOT / "storage/src/dynamodb").glob("*.rs")
    calls = set().union(*(calls_of(file.read_text()) for file in files))
    # Not a permission of its own: each part needs the one of its kind.
    calls.remove("TransactWriteItems")
    parts = source("storage/src/dynamodb/transaction.rs") + source("storage/src/dynamodb/call.rs")
    return calls | ({"ConditionCheckItem"} if "ConditionCheck::" in parts else set())


def calls_of_keys(client):
    """The calls in the `impl` of one of the two clients of KMS."""
    text = source("keys/src/kms/calls.rs")
    return calls_of(re.search(rf"^impl {client} {{\n(.*?)^}}", text, re.M | re.S)[1])


def rows(metrics):
    """Those of a widget, with what they repeat from the row before."""
    before = []
    for row in metrics:
        names = [name for name in row if isinstance(name, str)]
        if names != ["..."]:
            before = [old if new == "." else new for new, old in zip(names, before + names)]
        yield before


class Template(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.written = plain(read_yaml(str(TEMPLATE)))
        defaults = {"CodeBucket": "bucket", "CodeKey": "key"}
        cls.translated = transform(plain(cls.written), defaults, _NoPolicies())
        cls.resources = cls.translated["Resources"]

    def resource(self, name):
        return self.resources[name]["Properties"]

    def of_type(self, kind):
        return {name: it["Properties"] for name, it in self.resources.items() if it["Type"] == kind}

    def policy(self, name):
        return self.resource(name)["PolicyDocument"]

    def test_the_table_is_the_one_that_migrate_makes(self):
        self.assertEqual(self.resource("Table"), json.loads(source("migrations/dynamodb/table.json")))

    def test_what_cannot_be_made_again_outlives_the_stack(self):
        for name in ["Table", "Key"]:
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"]:
                self.assertEqual(self.resources[name].get(policy), "Retain", f"{name} {policy}")
        self.assertEqual(self.resource("Key")["PendingWindowInDays"], 30)

    def test_the_token_function_may_call_what_the_code_calls_and_no_more(self):
        policy = self.policy("TokenPolicy")
        self.assertEqual(actions(policy, "dynamodb"), calls_of_store() - OF_OPERATORS)
        self.assertEqual(actions(policy, "kms"), calls_of_keys("Using"))
        self.assertEqual(actions(policy, "logs"), {"CreateLogStream", "PutLogEvents"})

    def test_the_rotation_function_makes_keys_and_opens_none(self):
        policy = self.policy("RotationPolicy")
        # `Encrypt` is for moves; `CreateKey` with tags needs `TagResource`.
        self.assertEqual(actions(policy, "kms"), calls_of_keys("Making") - {"Encrypt"} | {"TagResource"})
        self.assertEqual(actions(policy, "dynamodb"), {"GetItem", "PutItem"})

    def test_the_rotation_function_writes_the_ring_only(self):
        may = {}
        for statement in statements(self.policy("RotationPolicy")):
            if "dynamodb" in json.dumps(statement["Action"]):
                [partition] = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
                may[partition] = as_list(statement["Action"])
        self.assertEqual(may, {"main#META": ["dynamodb:GetItem"], "main#RING": ["dynamodb:GetItem", "dynamodb:PutItem"]})
        keys = source("storage/src/dynamodb/item.rs")
        for name in ['Self::new(realm, "META", what)', 'Self::new(realm, "RING", document)', 'format!("{}#{pk}"']:
            self.assertIn(name, keys)

    def test_the_key_is_used_with_the_context_of_the_code_only(self):
        policy = self.resource("Key")["KeyPolicy"]
        by_name = {statement["Sid"]: statement for statement in statements(policy)}
        administration = actions({"Statement": [by_name.pop("Administration")]}, "kms")
        uses = re.compile("Decrypt|Encrypt|Generate|Sign|Grant|[*]")
        self.assertEqual({name for name in administration if uses.search(name)} - {"ListGrants"}, set())
        denial = by_name.pop("NothingWithoutContext")
        self.assertEqual((denial["Effect"], denial["Principal"]), ("Deny", "*"))
        self.assertEqual(denial["Condition"], {"Null": {"kms:EncryptionContext:realm": "true"}})
        for name, statement in by_name.items():
            self.assertEqual(statement["Condition"], CONTEXT, name)
        used = {name: actions({"Statement": [statement]}, "kms") for name, statement in by_name.items()}
        generates = {call for call in calls_of_keys("Making") if call.startswith("Generate")}
        expected = {
            "TokenFunction": {"Decrypt"},
            "RotationFunction": generates,
            "Move": generates | {"Decrypt", "Encrypt"},
        }
        self.assertEqual(used, expected)
        for role in ["TokenPolicy", "RotationPolicy"]:
            for statement in statements(self.policy(role)):
                if statement.get("Resource") == {"Fn::GetAtt": ["Key", "Arn"]}:
                    self.assertEqual(statement["Condition"], CONTEXT, role)

    def test_context_and_tags_are_those_of_the_code(self):
        wrapped = source("keys/src/kms/wrapped.rs")
        for text in ['("realm", realm.as_str())', '("purpose", purpose.name())', '"signing-key"', '"master"']:
            self.assertIn(text, wrapped)
        self.assertRegex(source("protocol/src/id.rs"), r'fn main\(\)[^}]*"main"')
        tags = {"keyward-realm": "main", "keyward-purpose": "signing-key", "keyward-wrapping-key": {"Ref": "Key"}}
        maker = source("keys/src/kms/maker.rs")
        self.assertIn('REALM_TAG: &str = "keyward-realm"', maker)
        self.assertIn('("keyward-purpose", "signing-key")', maker)
        self.assertIn('WRAPPING_KEY_TAG: &str = "keyward-wrapping-key"', maker)
        for role, sid, prefix in [
            ("TokenPolicy", "Sign", "aws:ResourceTag/"),
            ("RotationPolicy", "MakeSigningKeys", "aws:RequestTag/"),
        ]:
            [statement] = [it for it in statements(self.policy(role)) if it["Sid"] == sid]
            demanded = statement["Condition"]["StringEquals"].items()
            found = {key.removeprefix(prefix): value for key, value in demanded if key.startswith(prefix)}
            self.assertEqual(found, tags, sid)
        # Of the statement that the loop ended with: it can't take a key from another stack.
        self.assertEqual(statement["Condition"]["ForAllValues:StringEquals"]["aws:TagKeys"], list(tags))
        of_others = statement["Condition"]["StringEqualsIfExists"]["aws:ResourceTag/keyward-wrapping-key"]
        self.assertEqual(of_others, tags["keyward-wrapping-key"])
        algorithms = re.findall(r"SigningAlgorithmSpec::(\w+),", source("keys/src/kms/signer.rs"))
        [sign] = [it for it in statements(self.policy("TokenPolicy")) if it["Sid"] == "Sign"]
        allowed = sign["Condition"]["StringEquals"]["kms:SigningAlgorithm"]
        squeezed = lambda names: {name.replace("_", "").lower() for name in names}
        self.assertEqual(squeezed(allowed), squeezed(algorithms))

    def test_no_role_has_a_wildcard(self):
        for name, it in self.of_type("AWS::IAM::Policy").items():
            for statement in statements(it["PolicyDocument"]):
                where = f"{name} {statement['Sid']}"
                self.assertNotIn("*", json.dumps(statement["Action"]), where)
                # Anybody may know a public key.
                if "*" in json.dumps(statement["Resource"]) and statement["Action"] != "kms:GetPublicKey":
                    # These keys are made later; their tags say which they are.
                    self.assertIn(statement["Sid"], {"Sign", "MakeSigningKeys"}, where)
                    self.assertIn("/keyward-wrapping-key", json.dumps(statement["Condition"]), where)

    def test_anybody_may_call_the_url_and_nobody_anything_else(self):
        permissions = self.of_type("AWS::Lambda::Permission").values()
        public = [it for it in permissions if it["Principal"] == "*"]
        self.assertEqual({it["Action"] for it in public}, {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"})
        for permission in public:
            self.assertEqual(permission["FunctionName"], {"Ref": "TokenFunction"})
            if permission["Action"] == "lambda:InvokeFunction":
                self.assertIs(permission["InvokedViaFunctionUrl"], True)
            else:
                self.assertEqual(permission["FunctionUrlAuthType"], "NONE")
        [url] = self.of_type("AWS::Lambda::Url").values()
        self.assertEqual((url["AuthType"], "Cors" in url), ("NONE", False))

    def test_functions_run_the_program_as_it_is_packaged(self):
        functions = self.of_type("AWS::Lambda::Function")
        handlers = {name: it["Handler"] for name, it in functions.items()}
        self.assertEqual(handlers, {"TokenFunction": "serve", "RotationFunction": "rotate"})
        for it in functions.values():
            self.assertEqual((it["Runtime"], it["Architectures"]), ("provided.al2023", [{"Ref": "Architecture"}]))
        self.assertEqual(self.written["Parameters"]["Architecture"]["Default"], "arm64")

    def test_a_function_is_made_after_its_permissions(self):
        for kind in ["Token", "Rotation"]:
            self.assertIn(f"{kind}Policy", as_list(self.resources[f"{kind}Function"]["DependsOn"]))

    def test_logs_end_and_each_function_writes_its_own(self):
        groups = self.of_type("AWS::Logs::LogGroup")
        self.assertEqual(len(groups), 2)
        for name, it in groups.items():
            self.assertEqual(it["RetentionInDays"], {"Ref": "LogRetention"}, name)
        for kind in ["Token", "Rotation"]:
            self.assertEqual(self.resource(f"{kind}Function")["LoggingConfig"]["LogGroup"], {"Ref": f"{kind}Log"})

    def test_the_schedule_is_one(self):
        [rule] = self.of_type("AWS::Events::Rule").values()
        # A rule with `rate(1 hours)` or `rate(2 hour)` is refused when it is deployed.
        self.assertRegex(rule["ScheduleExpression"], r"^rate\((1 (minute|hour|day)|([2-9]|\d\d+) (minutes|hours|days))\)$")
        self.assertEqual(rule["State"], {"Fn::If": ["HasIssuer", "ENABLED", "DISABLED"]})

    def test_alarms_tell_somebody(self):
        alarms = self.of_type("AWS::CloudWatch::Alarm")
        self.assertGreaterEqual(set(alarms), {"Failures", "Throttles", "RotationMissing", "RotationFailures"})
        for name, it in alarms.items():
            self.assertEqual(it["AlarmActions"], [{"Ref": "Alarms"}], name)

    def test_alarms_and_dashboard_read_what_the_program_writes(self):
        written = source("server/src/metrics/embedded.rs")
        fields = set(re.findall(r'^\s*\(?"([A-Z]\w+)",', written, re.M))
        alarming = set(re.findall(r'"(\w+)"', re.search(r"const ALARMING: .*? = \[(.*?)\];", written, re.S)[1]))
        alarms = self.of_type("AWS::CloudWatch::Alarm")
        widgets = json.loads(self.resource("Dashboard")["DashboardBody"]["Fn::Sub"])["widgets"]
        of_kind = lambda kind: [it["properties"] for it in widgets if it["type"] == kind]
        shown = {name for it in of_kind("metric") for space, name, *_ in rows(it["metrics"]) if space == "Keyward"}
        watched = {it["MetricName"] for it in alarms.values() if it["Namespace"] == "Keyward"}
        self.assertEqual(watched | shown, alarming)
        queried = set(re.findall(r"(?:ispresent|sum|min|max)\((\w+)\)", json.dumps(of_kind("log"))))
        self.assertEqual(queried - fields, {"started_ms"})
        self.assertIn("started_ms", source("server/src/cli/function.rs"))
        # A conditional alarm can't be named there.
        named = {name[2:-5] for it in of_kind("alarm") for name in it["alarms"]}
        self.assertEqual(named, {name for name in alarms if "Condition" not in self.resources[name]})

    def test_the_front_keeps_public_documents_only(self):
        front = self.resource("Front")["DistributionConfig"]
        never = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
        self.assertEqual(front["DefaultCacheBehavior"]["CachePolicyId"], never)
        kept = {it["PathPattern"] for it in front["CacheBehaviors"] if it["CachePolicyId"] != never}
        documents = {"/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}
        self.assertEqual(kept, documents)
        for it in [front["DefaultCacheBehavior"], *front["CacheBehaviors"]]:
            self.assertEqual([at["EventType"] for at in it["FunctionAssociations"]], ["viewer-request"])
        [secret] = front["Origins"][0]["OriginCustomHeaders"]
        self.assertEqual((secret["HeaderName"], secret["HeaderValue"]), ("X-Keyward-Origin", {"Ref": "OriginSecret"}))
        variables = self.resource("TokenFunction")["Environment"]["Variables"]
        [_, header, _] = variables["KEYWARD_CLIENT_IP"]["Fn::If"]
        written = re.search(r"headers\['(.*?)'\]", self.resource("Viewer")["FunctionCode"])[1]
        self.assertEqual(header.lower(), f"header:{written}")

    def test_each_parameter_is_documented(self):
        readme = source("deploy/README.md")
        for name in self.written["Parameters"]:
            self.assertIn(f"`{name}`", readme)

    def test_the_script_takes_the_parameters_of_the_template_only(self):
        script = ROOT / "deploy/deploy.sh"
        names = [*self.written["Parameters"], "Memry"]
        # It reads its arguments first, and then misses the program.
        run = lambda name: subprocess.run(
            [script, "--zip", "/absent", f"{name}=1"], capture_output=True, text=True, check=False
        ).stderr
        refused = {name for name in names if f"there is no parameter {name}, only CodeBucket," in run(name)}
        self.assertEqual(refused, {"Memry"})

    def test_the_documented_cost_is_the_computed_one(self):
        lines = source("deploy/README.md").splitlines()
        begin = lines.index("| $ a month | 0 users | 10 000 users | 1 000 000 users |")
        expected = list(cost.table())
        self.assertEqual(lines[begin : begin + len(expected)], expected)

    def test_cfn_lint_finds_nothing(self):
        self.run_tool("cfn-lint", TEMPLATE)

    def test_checkov_finds_nothing_without_a_reason(self):
        self.run_checkov(self.translated)

    def test_the_sample_of_a_protected_api_is_linted_too(self):
        self.run_tool("cfn-lint", SAMPLE)
        written = plain(read_yaml(str(SAMPLE)))
        names = ["CodeBucket", "OrdersKey", "AuthorizerKey", "Issuer"]
        self.run_checkov(transform(written, dict.fromkeys(names, "given"), _BasicPolicy()))

    def run_checkov(self, translated):
        config = ROOT / "deploy/checkov.yaml"
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(translated, file)
            file.flush()
            self.run_tool("checkov", "--config-file", config, "--file", file.name)

    def run_tool(self, name, *arguments):
        tool = Path(sys.executable).parent / name
        ran = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)


class _NoPolicies(ManagedPolicyLoader):
    """No function here names a managed policy, so that nothing has to be asked of AWS."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


class _BasicPolicy(_NoPolicies):
    """SAM gives a function without a role the policy that lets it log."""

    def load(self):
        name = "AWSLambdaBasicExecutionRole"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


if __name__ == "__main__":
    unittest.main()
