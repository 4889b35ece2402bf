"""What the rigs share: loopback servers, processes that are stopped again, a function's binary under a Lambda runtime API.

Standard library only. A rig is a script with a `main`, run by `rig.run(main)`: each check prints one line, and one that fails
makes the script exit with 1.
"""
import collections, http.server, json, os, re, signal, socket, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.request

TARGET = os.environ.get("CARGO_TARGET_DIR", "target") + "/debug"
Request = collections.namedtuple("Request", "method path headers body")  # `path` with its query string, `body` in bytes
_running, _failed = [], []


def check(good, line):
    """Prints what was checked. Goes on when it does not hold, so that one run shows everything that is wrong."""
    print(f"{'ok  ' if good else 'FAIL'} {line}", flush=True)
    if not good:
        _failed.append(line)
    return good


def run(main):
    """Runs a rig, stops whatever it started and exits."""
    try:
        main()
    finally:
        for process in _running:
            process.send_signal(signal.SIGTERM)
        for process in _running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
    sys.exit(1 if _failed else 0)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command, port, environment=None, seconds=90):
    """Starts a server, waits until it listens, and returns the file that holds what it prints."""
    log = tempfile.NamedTemporaryFile(prefix="rig-", suffix=".log")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})
    _running.append(process)
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return log
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{command[0]} does not listen on port {port}: {open(log.name).read()[-1000:]}")


def platform(scenario):
    """Serves the simulated vendors and returns the variables that `sitrep platform` prints."""
    command = [f"{TARGET}/sitrep", "platform", "--scenario", scenario]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _running.append(process)
    process.stderr.readline()  # "Serving until Ctrl-C": everything has been printed.
    os.set_blocking(process.stdout.fileno(), False)
    return dict(re.findall(r"^export (\w+)='(.*)'$", process.stdout.read(), re.M))


def serve(answer):
    """A loopback server; `answer(request)` gives status, headers and body. Returns its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            request = Request(self.command, self.path, dict(self.headers), read_body(self))
            status, headers, body = answer(request)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # A function that was stopped leaves its connections; checks look at answers.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def read_body(handler):
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def forward(request, url):
    """The answer of the server at `url` to the same request."""
    hop = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in hop}
    onward = urllib.request.Request(url + request.path, request.body or None, headers, method=request.method)
    try:
        answer = urllib.request.urlopen(onward, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        body = answer.read()
        return answer.status, {name: value for name, value in answer.headers.items() if name.lower() not in hop}, body


def prism(specification, upstream):
    """Puts `prism proxy` in front of a server: it compares requests and answers with an OpenAPI file and lets both through.

    Returns the URL to ask, and a list that grows by (method and path, status, violations) of each exchange.
    """
    port, seen = free_port(), []
    start(["prism", "proxy", "--host", "127.0.0.1", "--port", str(port), specification, upstream], port)

    def front(request):
        status, headers, body = forward(request, f"http://127.0.0.1:{port}")
        violations = json.loads(headers.pop("sl-violations", "[]"))
        seen.append((f"{request.method} {request.path.partition('?')[0]}", status, violations))
        return status, headers, body

    return serve(front), seen


def check_exchanges(seen, unlike=()):
    """One check per kind of exchange that went through `prism`: no violation, and no refusal.

    `unlike` names (call, place in the message) where the vendor's recorded answers are not what its specification says.
    """
    known = lambda call, violation: (call, ".".join(violation["location"])) in unlike
    seen = [(call, status, [it for it in violations if not known(call, it)]) for call, status, violations in seen]
    for call in sorted({call for call, *_ in seen}):
        answers = [(status, violations) for other, status, violations in seen if other == call]
        bad = [answer for answer in answers if answer[0] >= 300 or answer[1]]
        check(not bad, f"{call}, {len(answers)} times: as the specification has it {bad[:2] or ''}")


def get_json(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def post_json(url, document):
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def sample(path):
    """A sample event of the repository."""
    with open(f"events/{path}") as file:
        return json.load(file)


def invoke(function, event, environment, seconds=60, usage=None):
    """What a function's own binary answers to one event. The environment is the function's whole environment.

    `usage`, where given, receives `peak_mib`: the most memory that the process held.
    """
    answers, taken, over = [], [], threading.Event()

    def runtime(request):
        if request.method == "POST":
            answers.append((request.path, json.loads(request.body)))
            over.set()
            return 202, {}, b""
        if taken:  # A real runtime API lets the function wait for its next event.
            over.wait(seconds)
        taken.append(request)
        deadline = int((time.time() + seconds) * 1000)
        headers = {"Lambda-Runtime-Aws-Request-Id": "1", "Lambda-Runtime-Deadline-Ms": str(deadline),
                   "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:us-east-1:123456789012:function:{function}"}
        return 200, headers, json.dumps(event).encode()

    name = {"AWS_LAMBDA_FUNCTION_NAME": function, "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s", "AWS_LAMBDA_RUNTIME_API": serve(runtime)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([f"{TARGET}/{function}"], env={**name, **environment}, stdout=log, stderr=log)
        try:
            finished = over.wait(seconds)
            if usage is not None:
                with open(f"/proc/{process.pid}/status") as status:
                    usage["peak_mib"] = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024
        finally:
            process.kill()
            process.wait()
        if not finished or not answers[0][0].endswith("/response"):
            log.seek(0)
            sys.exit(f"{function} gave no answer: {answers} {log.read().decode()[-1500:]}")
    return answers[0][1]


def calls(evidence, *statuses):
    """The calls of a piece of evidence that ended in one of these statuses."""
    return [call for call in evidence["calls"] if call["status"] in statuses]
