"""Good values of headers, forms and the like, and the words that damage to them is done with."""

URLS = (
    *(
        "https://example.org/hook?a=b#c",
        "http://203.0.113.7:8080/",
        "https://[2001:db8::1]/x",
        "http://example.org",
        "https://a.b.example:443/%20",
    ),
    *(
        "http://[::ffff:10.0.0.1]/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://user:pw@h/",
        "https://xn--bcher-kva.example/",
        "http://1.1.1.1./",
    ),
)
URL_WORDS = (
    "@",
    ":",
    "/",
    "//",
    "#",
    "?",
    "[",
    "]",
    "%",
    "%00",
    "\\",
    "..",
    "\t",
    "\r\n",
    "\u3002",
    "\uff0e",
    "\u2488",
    "0x",
    "localhost",
    "::1",
    "99999",
    "\x00",
    "\ud83d",
    "%25",
    "\u00df",
    "xn--",
)
ADDRESSES = (
    "127.0.0.1",
    "::1",
    "fe80::1%eth0",
    "::ffff:1.2.3.4",
    "2001:db8::/32",
    "10.0.0.1, 192.168.1.1",
    "1.2.3.4:80",
    "unknown",
    "[::1]:80",
)
ADDRESS_WORDS = (
    ".",
    ":",
    "::",
    "%",
    "/",
    ",",
    "0x",
    "256",
    "-1",
    "9" * 30,
    " ",
    "\x00",
    "g",
    "\u0661",
    "1.2.3.4.5",
    "ffff",
    "01",
)
TRACES = (
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-extra",
)
TRACE_WORDS = ("-", "0", "f", "G", "ff", "00", "\u0660", "\x00", " ", "0" * 32, "A", "z" * 300)
TAGS = ('"abc"', 'W/"abc", "def"', "*", '"a", "b", W/"c"')
TAG_WORDS = ('"', "W/", ",", "*", " ", "\\", '""', "\x00", '"' * 500, "w/", ", " * 300)
DIGESTS = ("sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:", "sha-512=:AAAA:, sha-256=:AAAA:")
DIGEST_WORDS = (":", "=", "sha-256", ",", "A", "\u00e9", " ", "=" * 300, "\x00", "_", "-", "==")
CURSORS = (
    "AZIqVpW2ek2bKQ",
    "WyJkaWdlc3QiLDEsMl0",
    "AAAAAAAAAAAAAAAAAAAAAA",
    "__________________________8",
    "eyJhIjoxfQ",
)
CURSOR_WORDS = ("=", "_", "-", "+", "/", "A", "\u00e9", "\x00", " ", "A" * 400, "W10", "\ud800")
OPTIONS = (
    '{"delimiter": ";", "decimal": ",", "types": {"zip": "string"}}',
    '{"format": "csv", "encoding": "cp1252", "header": false, "skip": 2, "null_values": ["NA", "-"]}',
    '{"date_format": "%d.%m.%Y", "datetime_format": "%d.%m.%Y %H:%M", "thousands": ".", "quote": "\'", "sheet": "A"}',
)
OPTION_WORDS = (
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "null",
    "true",
    "-1",
    "1e999",
    '"\\u0000"',
    '"\\ud800"',
    "9" * 30,
    '"x": ',
    "%",
    "\x00",
    '{"a":' * 80,
)
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n5\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a \\"b\\".csv"; filename*=UTF-8\'\'%c3%a9.csv\r\nContent-Type: text/csv\r\n\r\na,b\n1,2\n\r\n--b--\r\n'
)
FORM_WORDS = (
    b"--b",
    b"--b--",
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b'"',
    b"; ",
    b"name=",
    b"filename*=",
    b"%",
    b"\x00",
    b"\xff",
    b":",
    b"\\",
    b"--",
    b"A" * 5000,
)
KINDS = (
    "multipart/form-data; boundary=b",
    'multipart/form-data; boundary="b"',
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "text/plain",
)
PICTURES = (
    b"\x89PNG\r\n\x1a\n" + bytes(40),
    b"\xff\xd8\xff\xe0" + bytes(40),
    b"GIF89a" + bytes(40),
    b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    b"BM" + bytes(40),
)
PICTURE_WORDS = (
    b"<svg",
    b"<script>",
    b"\x89PNG",
    b"GIF8",
    b"RIFF",
    b"WEBP",
    b"\x00",
    b"\xff\xd8",
    b"%PDF",
    b"PK\x03\x04",
)
