"""What requests are made of: the words of HTTP, right and wrong."""

METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
ODD_METHODS = (
    *(b"TRACE", b"CONNECT", b"PROPFIND", b"MKCOL", b"PURGE", b"SOURCE", b"M-SEARCH", b"PRI", b"QUERY"),
    *(b"get", b"G\x00ET", b"GE T", b"", b"GET\t", b" GET", b"\xffGET", b"A" * 300, b"GET\r\n", b"POST\x0b"),
)
VERSIONS = (
    *(b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/11", b"http/1.1", b"HTTP/1.1 "),
    *(b"HTTP /1.1", b"HTTP/-1.1", b"RTSP/1.0", b"ICE/1.0", b"", b"HTTP/1.1\x00", b"\tHTTP/1.1", b"HTTP/9.9"),
)
PATH_TRICKS = (
    *(b"//", b"/./", b"/../", b"/%2e%2e/", b"/%2f", b"%00", b"%ff", b"%c0%af", b"%", b"%zz", b"\\", b"/..;/", b";a=b"),
    *(b"\x00", b"\x7f", b"\xc3\xa9", b"\xff\xfe", b"*", b"?", b"??", b"#", b"?a[]=1", b"?" + b"a=1&" * 500, b" "),
    *(b"?limit=-1", b"?limit=1e9", b"?cursor=%00", b"?wait=NaN", b"?page=%F0%9F%98%80", b"?sort=;--", b"\t", b"@"),
)
TARGETS = (
    *(b"*", b"http://127.0.0.1:9/", b"http://169.254.169.254/latest/meta-data", b"https://localhost/health", b"//x/y"),
    *(
        b"localhost:80",
        b"gopher://x:1/_",
        b"http://",
        b"http://[::1",
        b"?",
        b"",
        b"/" + b"a" * 9000,
        b"/" + b"/" * 3000,
    ),
    *(b"/" + b"a" * 70_000, b"http://user:pass@localhost/health", b"/health#x", b"/%2568ealth", b"/\r\nX: y", b"///"),
)
# Content-Length by itself: right ones are made where the body is known.
LENGTHS = (
    *(b"-1", b"+1", b"0x1", b"1.0", b"1e1", b" 1", b"1 ", b"1,1", b"1, 2", b"", b"one", b"\xc2\xb9", b"00000000001"),
    *(b"18446744073709551615", b"18446744073709551616", b"9223372036854775808", b"9" * 400, b"1\x00", b"\t1", b"1;1"),
)
CODINGS = (
    *(b"chunked", b"Chunked", b"CHUNKED", b"chunked ", b"\tchunked", b"chunked, identity", b"identity, chunked"),
    *(b"xchunked", b"chunked;q=1", b"chunked\x00", b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity", b""),
    *(b'"chunked"', b"chun\xc2\xadked", b"cow", b"\x0bchunked", b",chunked", b"chunked,", b"chunked\r\n ,identity"),
)
SPELLINGS = (
    *(
        b"%b: %b",
        b"%b:%b",
        b"%b : %b",
        b"%b\t: %b",
        b" %b: %b",
        b"%b:\r\n %b",
        b"%b:\t%b",
        b"%b: %b\x0b",
        b"%b\x00: %b",
    ),
    *(b"\x0b%b: %b", b"%b:: %b", b"%b;: %b", b"X: y\n%b: %b", b"X: y\r%b: %b", b"X: y\r\n %b: %b"),
)
SIZES = (
    *(
        b"-1",
        b"+5",
        b"0x5",
        b"5 ",
        b" 5",
        b"5;",
        b"5;a=b",
        b'5;a="\r\n"',
        b"fffffffffffffffff",
        b"ffffffffffffffff",
        b"g",
    ),
    *(b"", b"5\x00", b"00000000000000005", b"5;" + b"e" * 2000, b"5\t", b"5,5", b"7fffffffffffffff", b"5;a\nb"),
)
TRAILERS = (
    b"",
    b"X-Trailer: {mark}\r\n",
    b"Content-Length: 0\r\n",
    b"Host: b\r\n",
    b"Bad trailer\r\n",
    b"T: " + b"t" * 3000,
)
VALUES: dict[bytes, tuple[bytes, ...]] = {
    b"Host": (b"", b"a b", b"[::1]:x", b"{mark}", b"localhost:99999", b"\xff", b"a,b", b"../..", b"h" * 300),
    b"Connection": (b"close", b"keep-alive", b"upgrade", b"close, keep-alive", b"host", b"authorization", b"te,\x00"),
    b"Upgrade": (b"websocket", b"h2c", b"TLS/1.0", b"HTTP/2.0, SHTTP/1.3", b"{mark}"),
    b"HTTP2-Settings": (b"AAMAAABkAARAAAAAAAIAAAAA", b"{mark}"),
    b"Sec-WebSocket-Key": (b"dGhlIHNhbXBsZSBub25jZQ==",),
    b"Sec-WebSocket-Version": (b"13", b"-1"),
    b"Expect": (b"100-continue", b"100-Continue", b"200-ok", b"{mark}"),
    b"Authorization": (
        b"Bearer",
        b"Bearer {mark}",
        b"Basic {mark}",
        b"Bearer adp_{mark}",
        b"\xff",
        b"Bearer " + b"e" * 9000,
    ),
    b"Content-Type": (
        *(b"application/json", b"application/json; charset=utf-7", b"multipart/form-data", b"text/{mark}", b"a"),
        *(
            b"multipart/form-data; boundary=x",
            b"multipart/form-data; boundary=" + b"b" * 300,
            b"application/merge-patch+json",
        ),
    ),
    b"Content-Encoding": (b"gzip", b"deflate", b"br", b"{mark}", b"gzip, gzip"),
    b"Cookie": (b"a={mark}", b"session=" + b"c" * 5000, b"=;=;="),
    b"X-Forwarded-For": (b"127.0.0.1", b"{mark}", b"::1, 10.0.0.1", b"1" * 3000, b",,,,", b"\x00"),
    b"X-Forwarded-Prefix": (b"/{mark}", b"//evil.example", b"\xff"),
    b"X-Forwarded-Proto": (b"https", b"{mark}"),
    b"Forwarded": (b"for={mark};proto=https", b"for=[::1]"),
    b"traceparent": (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"00-{mark}-0-1", b"ff-" + b"0" * 60),
    b"X-Request-Id": (b"an.id_1", b"i" * 65, b"a b", b"\xff", b""),
    b"Idempotency-Key": (b"5a0e1f68-4f0b-4a52-9d5a-111111111111", b"{mark}", b"k" * 300, b""),
    b"If-None-Match": (b"*", b'"{mark}"', b'W/"a", "b', b'"' * 999),
    b"If-Match": (b"*", b'"{mark}"', b"nonsense"),
    b"If-Modified-Since": (b"Thu, 01 Jan 1970 00:00:00 GMT", b"{mark}", b"-1"),
    b"Range": (b"bytes=0-", b"bytes=5-1", b"bytes=" + b"0-1," * 400, b"rows={mark}"),
    b"Accept": (b"*/*", b"text/event-stream", b"{mark}", b"a/b;q=" + b"9" * 400),
    b"Accept-Encoding": (b"gzip", b"*;q=0", b"{mark}"),
    b"Accept-Language": (b"de", b"{mark}"),
    b"Origin": (b"null", b"http://evil.example", b"\x00"),
    b"Access-Control-Request-Method": (b"PUT", b"{mark}"),
    b"Access-Control-Request-Headers": (b"authorization", b"x" * 2000),
    b"Last-Event-ID": (b"0-0", b"{mark}", b"-1"),
    b"Digest": (b"sha-256=AAAA", b"{mark}"),
    b"TE": (b"trailers", b"{mark}"),
    b"X-{mark}": (b"{mark}", b"", b"\xe2\x80\xae", b"a\x00b", b"v" * 4000),
}
BODIES = (
    *(
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"email": "{mark}@example.org", "password": "{mark}"}',
        b'{"name": "{mark}"}',
        b"{",
    ),
    *(
        b'{"a": ' * 200,
        b"\xff\xfe{}",
        b'{"name": "\\u0000{mark}"}',
        b'{"name": "\\ud800"}',
        b"a=1&b={mark}",
        b"\x1f\x8b\x08",
    ),
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="{mark}.csv"\r\n\r\na,b\n1,2\n\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="project_id"\r\n\r\n{mark}\r\n--x',
    b'{"sql": "select {mark}", "limit": -1, "dataset_id": "{mark}"}',
)
# What is put into the middle of bytes, for readers that look for such things.
DICTIONARY = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\n\n",
        b"\x00",
        b":",
        b": ",
        b" ",
        b"\t",
        b"\x0b",
        b"\x0c",
        b"\x85",
        b"\xff",
        b"0",
    ),
    *(
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"0\r\n\r\n",
        b"HTTP/1.1",
        b"Host: h\r\n",
        b"%00",
        b"/../",
    ),
    *(
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\xe2\x80\xa8",
        b"a" * 2000,
        b"\r\n ",
    ),
)
