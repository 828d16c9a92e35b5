#!/usr/bin/env python3
"""Checks what `keyward gateway` ($KEYWARD) prints, with parsers of its formats: whatever characters the audience has, it is
read as it was given, and the resources for AWS are what CloudFormation expects.

Needs the packages of check.txt.
"""

import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

import yaml

KEYWARD = Path(os.environ["KEYWARD"]).resolve()
HOSTILE = "https://orders.example.com/\"'$a${b}<c>&d;%\\]]>*--"
SCOPE = "orders:'read'&<x>{${y}]]>--"
# What the printed resources refer to.
HTTP_API = """
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: { Name: orders, ProtocolType: HTTP }
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: HTTP_PROXY
      IntegrationMethod: ANY
      IntegrationUri: https://orders.internal.example.com
      PayloadFormatVersion: "1.0"
"""
REST_API = """
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: { Name: orders }
"""
BALANCER = """
Parameters:
  Listener: { Type: String }
  TargetGroup: { Type: String }
"""


class Loader(yaml.SafeLoader):
    """With the short forms of CloudFormation's functions."""


Loader.add_multi_constructor("!", lambda loader, name, node: {name: loader.construct_scalar(node)})


class Gateways(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.folder = Path(folder)
        command = [KEYWARD, "serve", "--listen", "127.0.0.1:0"]
        environment = {"KEYWARD_ISSUER": "https://auth.example.com"}
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            server.stdout.readline()
            server.terminate()

    def printed(self, gateway):
        command = [KEYWARD, "gateway", gateway, "--audience", HOSTILE, "--scope", SCOPE]
        return subprocess.run(command, cwd=self.folder, env={}, check=True, capture_output=True, text=True).stdout

    def resources(self, gateway):
        return {
            name: resource["Properties"]
            for name, resource in yaml.load(self.printed(gateway), Loader)["Resources"].items()
        }

    def cloudformation_takes(self, gateway, rest, *ignored):
        file = self.folder / f"{gateway}.yaml"
        file.write_text(self.printed(gateway) + rest)
        ignore = [word for rule in ignored for word in ("--ignore-checks", rule)]
        lint = [Path(sys.executable).with_name("cfn-lint"), *ignore, "--", file]
        ran = subprocess.run(lint, capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))

    def test_http_api(self):
        resources = self.resources("aws-http")
        configuration = resources["KeywardAuthorizer"]["JwtConfiguration"]
        self.assertEqual(configuration, {"Issuer": "https://auth.example.com", "Audience": [HOSTILE]})
        self.assertEqual(resources["Route"]["AuthorizationScopes"], [SCOPE])
        self.cloudformation_takes("aws-http", HTTP_API)

    def test_rest_api(self):
        configuration = self.resources("aws-rest")["KeywardAuthorizer"]["JwtConfiguration"]
        self.assertEqual(configuration["DefaultAlgorithms"], ["RS256", "ES256"])
        self.assertEqual(configuration["Issuers"], [{"Issuer": "https://auth.example.com", "Audiences": [HOSTILE]}])
        # cfn-lint 1.58 knows neither `JwtConfiguration` nor the type `JWT`.
        self.cloudformation_takes("aws-rest", REST_API, "E3002", "E3030")

    def test_load_balancer(self):
        verify, forward = self.resources("alb")["KeywardRule"]["Actions"]
        claims = {claim["Name"]: claim["Values"] for claim in verify["JwtValidationConfig"]["AdditionalClaims"]}
        self.assertEqual(claims, {"aud": [HOSTILE], "scope": [SCOPE]})
        self.assertEqual(forward["Type"], "forward")
        self.cloudformation_takes("alb", BALANCER)

    def test_api_management(self):
        policy = xml.etree.ElementTree.fromstring(self.printed("apim"))
        self.assertEqual(policy.findtext("audiences/audience"), HOSTILE)
        self.assertEqual(policy.findtext("required-claims/claim/value"), SCOPE)
        self.assertEqual(policy.findtext("issuers/issuer"), "https://auth.example.com")

    def test_envoy(self):
        static = yaml.load(self.printed("envoy"), Loader)["static_resources"]
        [chain] = static["listeners"][0]["filter_chains"]
        jwt, rbac, _ = chain["filters"][0]["typed_config"]["http_filters"]
        self.assertEqual(jwt["typed_config"]["providers"]["keyward"]["audiences"], [HOSTILE])
        [principal] = rbac["typed_config"]["rules"]["policies"]["scope"]["principals"]
        matcher = principal["sourced_metadata"]["metadata_matcher"]["value"]["list_match"]["one_of"]
        self.assertEqual(matcher["string_match"]["exact"], SCOPE)
        tls = static["clusters"][0]["transport_socket"]["typed_config"]
        self.assertEqual(tls["sni"], "auth.example.com")


if __name__ == "__main__":
    unittest.main()
