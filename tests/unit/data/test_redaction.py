"""What is private goes, what only looks like it stays. The secrets here were made up for this file."""

from __future__ import annotations

import random
import string

import pytest

from understudy.data.steps.contract import RedactingStep, apart
from understudy.data.steps.emails import Emails
from understudy.data.steps.ip_addresses import IpAddresses
from understudy.data.steps.secrets import Secrets


def made_up(n: int, alphabet: str = string.ascii_letters + string.digits, seed: int = 5) -> str:
    """A random value that stands in no file, so that scanners of this repository find nothing either."""
    return "".join(random.Random(seed).choices(alphabet, k=n))


HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"
BASE64 = string.ascii_letters + string.digits + "+/"


def ready(step: RedactingStep) -> RedactingStep:
    step.setup()
    return step


SECRETS, EMAILS, ADDRESSES = ready(Secrets("redact")), ready(Emails("redact")), ready(IpAddresses("redact"))


def found(step: RedactingStep, text: str) -> list[tuple[str, str]]:
    data = text.encode()
    return [(span.kind, data[span.start : span.end].decode()) for span in apart(step.find(data))]


HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
SECRET_VALUES = {
    "aws-access-key": "AKIA" + made_up(16, BASE32),
    "github-token": "ghp_" + made_up(36),
    "gitlab-token": "glpat-" + made_up(20),
    "slack-token": "xoxb-" + made_up(12, string.digits) + "-" + made_up(24),
    "stripe-key": "sk_live_" + made_up(24),
    "google-key": "AIza" + made_up(35),
    "openai-key": "sk-proj-" + made_up(48),
    "huggingface-token": "hf_" + made_up(34, string.ascii_letters),
    "npm-token": "npm_" + made_up(36),
    "pypi-token": "pypi-AgEIcHlwaS5vcmc" + made_up(60),
    "sendgrid-key": "SG." + made_up(22) + "." + made_up(43, seed=6),
    "digitalocean-token": "dop_v1_" + made_up(64, HEX),
    "web-token": f"{HEADER}.eyJzdWIiOiIxMjM0In0.{made_up(43)}",
    "assigned-key": made_up(32),
}


@pytest.mark.parametrize("kind", SECRET_VALUES)
def test_a_secret_is_found_whole(kind: str) -> None:
    value = SECRET_VALUES[kind]
    assert (kind, value) in found(SECRETS, f'api_key = "{value}"\n')


def test_the_rest_of_the_line_stays() -> None:
    data = f'password: str = "{made_up(20)}"  # keep me\n'.encode()
    (span,) = SECRETS.find(data)
    assert data[: span.start] + span.placeholder + data[span.end :] == b'password: str = "<PASSWORD>"  # keep me\n'


def test_private_keys_go_with_their_body() -> None:
    body = "\n".join(made_up(64, BASE64, seed) for seed in range(12))
    text = f"KEY = '''-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----'''\n"
    ((kind, value),) = found(SECRETS, text)
    assert kind == "private-key" and value.startswith("-----BEGIN") and value.endswith("KEY-----")


@pytest.mark.parametrize(
    "text",
    [
        'url = "postgresql://admin:{}@db.internal:5432/app"',
        'url = "mongodb+srv://svc:{}@cluster0.mongodb.net"',
        'url = "https://user:{}@artifacts.corp/simple"',
        'url = "redis://:{}@cache:6379/0"',
    ],
)
def test_only_the_password_of_a_connection_string_goes(text: str) -> None:
    password = made_up(14)
    assert found(SECRETS, text.format(password)) == [("connection-password", password)]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "YOUR_API_KEY_HERE_1234"',
        'token = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        'password = os.environ["DB_PASSWORD_2024_PROD"]',
        'secret = "${SECRET_FROM_VAULT_12}"',
        'token = "<your-token-goes-here-123>"',
        'access_token_url = "https://example.org/oauth2/v2/token"',
        'url = "http://user:password@host/"',
        'url = "https://${USER}:${PASSWORD}@host/"',
        'url = "ftp://anonymous:guest@host/"',
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
        'sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"',
        'token_type = "application/x-www-form-urlencoded"',
        'password = "correct horse"',
        'private_key_path = "/etc/ssl/private/server1.key"',
        "secret = r'([a-zA-Z0-9_]{44}(?![a-zA-Z0-9_]))'",
        'url = "smb://myuser:mypassword@myserver/share"',
        'secret_name = "projects.acme.secrets.api_v2"',
        "eyJub3QiOiJhIHRva2VuIn0.eyJub3QiOiJhIHRva2VuIn0.abcdefgh1",
        "task-sk-learn-pipeline = disk-usage-monitoring-service",
        'key = "1234567890abcdef1234567890abcdef"; token = "00000000000000000000"',
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        'password = "password"',
        "PASSWORD=changeme",
        "'HAVE_STRUCT_PASSWD_PW_PASSWD': 'HAVE_STRUCT_PASSWD_PW_PASSWD'",
        "ENCRYPTION_KEY_ID = 'e8387001-745d-45d0-9e4e-0473815ef09a'",
        "mysql://user[:password]@host/db",
        "amqp://guest:guest@rabbit:5672//",
        "postgresql://keystone:keystone@db/app",
        'NextToken = "AAMA-EFRSURBSGhtT3F0ZkQ5cm9BTkxVZE5FZ2t5"',
        'publicKeyToken="6595b64144ccf1df"',
        'headers = {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}',
        'return "-----BEGIN RSA PRIVATE KEY-----" + body + "-----END RSA PRIVATE KEY-----"',
        'token = "abcdefghijklmnopqrstuvwxyz0123456789"',
        'secret = "a3f9a3f9a3f9a3f9a3f9a3f9a3f9a3f9"',
        "api_token = load_token_from_file(settings)",
        "api_key: services.billing.apiKeyProvider2",
    ],
)
def test_placeholders_hashes_and_names_are_no_secrets(text: str) -> None:
    assert found(SECRETS, text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("# Author: Jane Doe <jane.doe@gmail.com>", "jane.doe@gmail.com"),
        ("mailto:a+b@sub.firm.co.uk.", "a+b@sub.firm.co.uk"),
        ("__email__ = 'x_y@uni-koeln.de'", "x_y@uni-koeln.de"),
        ("(bob@company.io)", "bob@company.io"),
        ('"o\'neil_99@mail.firm.museum"', "o'neil_99@mail.firm.museum"),
        ("see https://firm.com/team?to=ann@firm.com", "ann@firm.com"),
    ],
)
def test_addresses_of_people_are_found(text: str, address: str) -> None:
    assert found(EMAILS, text) == [("email", address)]


@pytest.mark.parametrize(
    "text",
    [
        "scores = q@k.transpose(-2, -1)",
        "x = (a@b.T)",
        "y = weights@inputs.to(device)",
        "@pytest.mark.skip",
        "@app.route('/x')\nclass A: pass",
        "out = x@layer.to(device) + a@b.id",
        "scp build.tar deploy@build.corp.com:/srv",
        "git+ssh://git@forge.company.com/team/repo.git",
        "noreply@github.com, 1234+bot@users.noreply.github.com",
        "you@company.com or your.name@company.com",
        "root@db.internal, x@host.local",
        "@" * 500 + "a@" * 500,
        "git clone git@github.com:python/cpython.git",
        "user@example.com, me@test.example.org, a@localhost",
        "icon@2x.png, package@1.2.3, run@main.py",
        "https://user:pass@registry.company.com/simple",
    ],
)
def test_operators_examples_and_remotes_are_no_addresses(text: str) -> None:
    assert found(EMAILS, text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('HOST = "93.184.216.34"', "93.184.216.34"),
        ("ping 151.101.1.69:443", "151.101.1.69"),
        ("http://142.250.185.78/path", "142.250.185.78"),
        ("allow 185.199.108.0/22;", "185.199.108.0"),
        ('addr = "2a00:1450:4001:80b::200e"', "2a00:1450:4001:80b::200e"),
    ],
)
def test_public_addresses_are_found(text: str, address: str) -> None:
    assert found(ADDRESSES, text) == [("ip-address", address)]


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1, 0.0.0.0, 10.1.2.3, 172.16.5.4, 192.168.1.1, 169.254.1.1, 255.255.255.0",
        "192.0.2.1 198.51.100.7 203.0.113.9 2001:db8::1 ::1 fe80::1",
        "8.8.8.8 and 1.1.1.1",
        "version = '21.4.133.7'",
        "Chrome/91.0.4472.124 Safari/537.36",
        "requests==42.31.20.1",
        "release 64.12.30.9",
        "oid 1.3.6.1.4.1.311.21.20",
        "section 8.2.4.44",
        "300.400.500.600",
        "v55.44.33.22",
        "at 12:30:45 on 2024:05:06",
        "224.0.0.251",
        "2001:4860:4860::8888 and 9.9.9.9",
        "netmask 255.255.240.0 or 128.0.0.0",
        "driver 460.91.3.1",
        "pkg >= 40.30.20.99",
        "1.3.6.1.5.5.7 1.2.840.113549 2.16.840.1.101.3",
        "10.20.30.40 20.30.40.50",
        "20.0.0.0/16 and 2003::1/64",
    ],
)
def test_private_documented_and_version_numbers_stay(text: str) -> None:
    assert found(ADDRESSES, text) == []


@pytest.mark.parametrize("prefix", ["b", "r", "u", "f", "Rb", "", "x = b"])
def test_a_string_prefix_is_no_part_of_a_mailbox(prefix: str) -> None:
    assert found(EMAILS, f"call({prefix}'joe.miller@gmail.com')") == [("email", "joe.miller@gmail.com")]


@pytest.mark.parametrize("text", ["self.p4passwd = p4passwd", "    names = ('P4PASSWD', 'P4USER')"])
def test_names_of_variables_are_no_passwords(text: str) -> None:
    assert found(SECRETS, text) == []
