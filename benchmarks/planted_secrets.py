# ruff: noqa: E501  # one line for each kind
"""Made-up secrets in the issuers' formats, in lines as people write them: for measuring scanners, never for tuning on.

Values are put together when the program runs, so that no scanner flags this file. Kinds and lines are split in two
halves by a hash of their names: rules may be tuned on one, figures are taken from the other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
from collections.abc import Callable
from typing import NamedTuple

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL64 = ALNUM + "-_"
B64 = ALNUM + "+/"
WORDS = "summer winter dragon orange tiger coffee monkey silver planet guitar falcon river castle rocket".split()


class Draw:
    """A source of made-up values."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __call__(self, n: int, alphabet: str = ALNUM) -> str:
        return "".join(self.random.choices(alphabet, k=n))

    def uuid(self) -> str:
        return "-".join(self(n, HEX) for n in (8, 4, 4, 4, 12))

    def web_token(self) -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self(10, string.digits), "name": self(8)})
        head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return f"{head}.{body}.{self(43, URL64)}"

    def password(self) -> str:
        """As people choose them where rules ask for a digit and a sign."""
        word = self.random.choice(WORDS).capitalize()
        return word + self(self.random.randint(2, 4), string.digits) + self.random.choice("!#$%&?@")

    def key_block(self, kind: str) -> str:
        """In one line, as JSON and environment files have it."""
        lines = "\\n".join(self(64, B64) for _ in range(12))
        return f"-----BEGIN {kind}PRIVATE" + f" KEY-----\\n{lines}\\n-----END {kind}PRIVATE" + " KEY-----\\n"


Maker = Callable[[Draw], str]
# kind → (words of the variable's name, the value)
KINDS: dict[str, tuple[str, Maker]] = {
    "aws id": ("aws access key id", lambda d: "AK" + "IA" + d(16, string.ascii_uppercase + "234567")),
    "aws secret": ("aws secret access key", lambda d: d(40, B64)),
    "github": ("github token", lambda d: "gh" + "p_" + d(36)),
    "github fine-grained": ("github token", lambda d: "github_" + "pat_" + d(22) + "_" + d(59)),
    "gitlab": ("gitlab token", lambda d: "gl" + "pat-" + d(20, URL64)),
    "slack bot": ("slack bot token", lambda d: f"xo{'xb'}-{d(12, string.digits)}-{d(12, string.digits)}-{d(24)}"),
    "slack webhook": ("slack webhook", lambda d: f"https://hooks.slack{'.com'}/services/T{d(8, UPPER)}/B{d(8, UPPER)}/{d(24)}"),
    "stripe": ("stripe key", lambda d: "sk_" + "live_" + d(24)),
    "google": ("google api key", lambda d: "AI" + "za" + d(35, URL64)),
    "google oauth": ("client secret", lambda d: "GOC" + "SPX-" + d(28, URL64)),
    "azure storage": ("azure storage connection", lambda d: f"DefaultEndpointsProtocol=https;AccountName={d(8, LOWER)};AccountKey={d(86, B64)}==;EndpointSuffix=core.windows.net"),
    "azure ad": ("client secret", lambda d: d(3) + "8Q" + "~" + d(34, URL64)),
    "sendgrid": ("sendgrid key", lambda d: "S" + f"G.{d(22, URL64)}.{d(43, URL64)}"),
    "mailgun": ("mailgun key", lambda d: "ke" + "y-" + d(32, HEX)),
    "mailchimp": ("mailchimp key", lambda d: d(32, HEX) + "-us" + "12"),
    "twilio sid": ("twilio api key", lambda d: "S" + "K" + d(32, HEX)),
    "twilio auth": ("twilio auth token", lambda d: d(32, HEX)),
    "npm": ("npm token", lambda d: "np" + "m_" + d(36)),
    "pypi": ("pypi token", lambda d: "py" + "pi-AgEIcHlwaS5vcmc" + d(90, URL64)),
    "rubygems": ("gem host api key", lambda d: "ruby" + "gems_" + d(48, HEX)),
    "docker": ("docker password", lambda d: "dckr" + "_pat_" + d(27, URL64)),
    "heroku": ("heroku api key", lambda d: d.uuid()),
    "digitalocean": ("do token", lambda d: "do" + "p_v1_" + d(64, HEX)),
    "cloudflare": ("cloudflare api token", lambda d: d(40, URL64)),
    "datadog": ("datadog api key", lambda d: d(32, HEX)),
    "newrelic": ("new relic key", lambda d: "NR" + "AK-" + d(27, UPPER)),
    "sentry dsn": ("sentry dsn", lambda d: f"https://{d(32, HEX)}@o{d(6, '123456789')}.ingest.sentry{'.io'}/{d(7, '123456789')}"),
    "square": ("square access token", lambda d: "sq0" + "atp-" + d(22, URL64)),
    "shopify": ("shopify token", lambda d: "shp" + "at_" + d(32, HEX)),
    "telegram": ("telegram bot token", lambda d: d(10, "123456789") + ":A" + "A" + d(33, URL64)),
    "discord": ("discord bot token", lambda d: "M" + d(23) + "." + d(6) + "." + d(27, URL64)),
    "openai": ("openai api key", lambda d: "sk" + "-proj-" + d(48)),
    "openai old": ("openai api key", lambda d: "sk" + "-" + d(20) + "T3Blbk" + "FJ" + d(20)),
    "anthropic": ("anthropic api key", lambda d: "sk" + "-ant-api03-" + d(93, URL64) + "AA"),
    "hugging face": ("hf token", lambda d: "h" + "f_" + d(34, string.ascii_letters)),
    "databricks": ("databricks token", lambda d: "da" + "pi" + d(32, HEX)),
    "linear": ("linear key", lambda d: "lin" + "_api_" + d(40)),
    "notion": ("notion token", lambda d: "nt" + "n_" + d(46)),
    "atlassian": ("jira token", lambda d: "ATA" + "TT3xFfGF0" + d(170, URL64) + "=" + d(8, UPPER)),
    "okta": ("okta api token", lambda d: "0" + "0" + d(40, URL64)),
    "auth0": ("auth0 client secret", lambda d: d(64, URL64)),
    "vault": ("vault token", lambda d: "hv" + "s." + d(90, URL64)),
    "terraform": ("tfe token", lambda d: d(14) + ".atlas" + "v1." + d(67, URL64)),
    "grafana": ("grafana token", lambda d: "gl" + "sa_" + d(32) + "_" + d(8, HEX)),
    "postman": ("postman key", lambda d: "PM" + "AK-" + d(24, HEX) + "-" + d(34, HEX)),
    "facebook": ("facebook app secret", lambda d: d(32, HEX)),
    "twitter": ("twitter consumer secret", lambda d: d(50)),
    "linkedin": ("linkedin client secret", lambda d: d(16)),
    "alibaba": ("aliyun access key id", lambda d: "LT" + "AI" + d(20)),
    "tencent": ("tencent secret id", lambda d: "AK" + "ID" + d(32)),
    "yandex": ("yandex api key", lambda d: "AQ" + "VN" + d(36, URL64)),
    "private key": ("private key", lambda d: d.key_block("RSA ")),
    "private key pkcs8": ("service account key", lambda d: d.key_block("")),
    "web token": ("session token", lambda d: d.web_token()),
    "postgres url": ("database url", lambda d: f"postgresql://app:{d(16)}@db.internal:5432/app"),
    "mongo url": ("mongo uri", lambda d: f"mongodb+srv://svc:{d.password().replace('@', '!').replace('?', '!')}@cluster0.mongodb.net/prod"),
    "ado connection": ("connection string", lambda d: f"Server=db1;Database=app;User Id=app;Password={d(14)};"),
    "basic auth url": ("index url", lambda d: f"https://deploy:{d(18)}@packages.corp.net/simple"),
    "unknown api key 32": ("acme api key", lambda d: d(32)),
    "unknown api key hex": ("billing api key", lambda d: d(32, HEX)),
    "unknown secret 24": ("webhook secret", lambda d: d(24)),
    "unknown token url64": ("service token", lambda d: d(43, URL64)),
    "unknown key base64": ("encryption key", lambda d: d(43, B64) + "="),
    "unknown secret hex 64": ("app secret", lambda d: d(64, HEX)),
    "unknown token uuid": ("api token", lambda d: d.uuid()),
    "unknown lower 20": ("auth token", lambda d: d(20, LOWER)),
    "django key": ("secret key", lambda d: d(50, LOWER + "!@#$%^&*(-_=+)")),
    "password machine": ("db password", lambda d: d(16, ALNUM + "!#%&*+?")),
    "password chosen": ("smtp password", lambda d: d.password()),
    "password lower": ("admin password", lambda d: d(10, LOWER)),
}  # fmt: skip
LINES: dict[str, str] = {
    "python constant": '{UPPER} = "{value}"',
    "python keyword": 'client = connect("eu-1", {snake}="{value}", retries=3)',
    "python dict": '    "{snake}": "{value}",',
    "python environ": "os.environ['{UPPER}'] = '{value}'",
    "python default": 'key = os.getenv("{UPPER}", "{value}")',
    "python attribute": "        self.{snake} = '{value}'",
    "python typed": '    {snake}: str = "{value}"',
    "python comment": "# {snake} = {value}",
    "python compared": 'if request.{snake} == "{value}":',
    "positional": 'session = Session("{value}")',
    "header": 'headers = {{"X-{Title}": "{value}"}}',
    "bearer": 'req.add_header("Authorization", "Bearer {value}")',
    "js const": "const {camel} = '{value}';",
    "js property": '  {camel}: "{value}",',
    "js fallback": "const k = process.env.{UPPER} || '{value}';",
    "java field": '    private static final String {UPPER} = "{value}";',
    "java setter": '    config.set{Title0}("{value}");',
    "go": '\t{camel} := "{value}"',
    "c define": '#define {UPPER} "{value}"',
    "ruby": "  :{snake} => '{value}',",
    "php": "define('{UPPER}', '{value}');",
    "yaml": "  {snake}: {value}",
    "yaml quoted": '  {camel}: "{value}"',
    "env file": "{UPPER}={value}",
    "shell": "export {UPPER}='{value}'",
    "properties": "app.{dotted}={value}",
    "json": '  "{camel}": "{value}",',
    "xml element": "  <{camel}>{value}</{camel}>",
    "xml attribute": '  <add key="{Title0}" value="{value}" />',
    "terraform": '  {snake} = "{value}"',
    "flag": "deploy --{dashed} {value} --region eu-1",
    "log": "INFO using {words} {value}",
}


class Planted(NamedTuple):
    """A made-up secret and the line it stands in."""

    kind: str
    style: str
    value: str
    line: str


def is_held_out(name: str) -> bool:
    """Which half a kind, a style or a file belongs to: by the first byte of its name's hash."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def planted(held_out: bool, n_each: int, seed: int) -> list[Planted]:
    """`n_each` lines for each kind of one half, in styles of the same half."""
    draw = Draw(seed)
    styles = [style for style in LINES if is_held_out(style) == held_out]
    return [
        _planted(kind, draw.random.choice(styles), draw)
        for kind in KINDS
        if is_held_out(kind) == held_out
        for _ in range(n_each)
    ]


def _planted(kind: str, style: str, draw: Draw) -> Planted:
    words, make = KINDS[kind]
    value, parts = make(draw), words.split()
    title = "".join(part.capitalize() for part in parts)
    line = LINES[style].format(
        value=value, snake="_".join(parts), UPPER="_".join(parts).upper(), dashed="-".join(parts), words=words,
        camel=title[0].lower() + title[1:], Title="-".join(part.capitalize() for part in parts), Title0=title,
        dotted=".".join(parts),
    )  # fmt: skip
    return Planted(kind, style, value, line)


# No secrets: what manuals, tests and templates have in their place.
PLACEHOLDERS = [
    'api_key = "YOUR_API_KEY_HERE_1234"', 'token = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"', 'k = "AKIAIOSFODNN7EXAMPLE"',
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 'password = os.environ["DB_PASSWORD_2024"]',
    'secret = "${VAULT_SECRET_12}"', 'url = "http://user:password@host/"', 'token_url = "https://idp.net/oauth2/v2/token"',
    'secret_name = "projects.acme.secrets.api_v2"', 'password = "<password>"', 'key = "0000000000000000000000000000"',
    'password = "password"', 'PASSWORD = "changeme"', "password: {{ vault_db_password }}", "token: $(cat /run/token)",
    'sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"', 'password = getpass.getpass("Password: ")',
    'commit = "3f786850e387550fdab836ed7e6dc881de23001b"', 'integrity = "sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"',
    'request_id = "7f3c1b9e-52d4-4c1a-9a57-2f8f7c1d0e3b"', 'secret_key_path = "/etc/ssl/private/server1.key"',
    'public_key = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun"',
    'NextToken = "AAMA-EFRSURBSGhtT3F0ZkQ5cm9BTkxVZE5FZ2t5"', 'tokenizer = "bert-base-uncased-v2-2019"', 'passwd = "test1234"',
    'primary_key = "customer_id_2_order_id_17"', 'token = "abcdefghijklmnopqrstuvwxyz0123456789"', 'auth = ("user", "pass")',
    'password = "secret"', 'TOKEN = "token"', 'api_key="test_api_key_1"', 'key = "deadbeefdeadbeefdeadbeefdeadbeef"',
    'dsn = "https://public@sentry.example.com/1"', 'client_secret = "client-secret"', 'password_hash = "pbkdf2_sha256"',
    'slack = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"', "redis://:password@localhost:6379/0",
    "postgres://postgres:postgres@localhost/app", "amqp://guest:guest@rabbit:5672//", '"private_key": "-----BEGIN PRIVATE KEY-----"',
]  # fmt: skip
