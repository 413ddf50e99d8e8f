"""Open-loop load over TLS: requests are due at random instants of a fixed average rate, whatever became of those before them, and their
latency counts from the instant at which they were due. One thread a process; several processes share a rate. It connects to the one
address that it is given, follows no redirect, and is bounded in time."""
import bisect
import collections
import errno
import gc
import json
import math
import os
import random
import re
import select
import socket
import ssl
import time

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)")
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked")
CLOSES = re.compile(rb"\r\nconnection:[^\r]*close")
GROWTH = math.log(1.01)


class Histogram:
    """Latencies in seconds, each to one in a hundred."""

    def __init__(self, counts=()):
        self.counts = collections.Counter(dict(counts))

    def add(self, seconds):
        self.counts[int(math.log(max(seconds, 1e-6)) / GROWTH)] += 1

    def merge(self, other):
        self.counts.update(other.counts)

    def quantile(self, share):
        """`None` where there is nothing."""
        left = math.ceil(self.counts.total() * share)
        for bucket in sorted(self.counts):
            left -= self.counts[bucket]
            if left <= 0:
                return math.exp((bucket + 0.5) * GROWTH)
        return None


class Request:
    """One request as it goes over the connection: its bytes, the name for TLS, and what is expected of its answer."""

    def __init__(self, host, data, head_only=False, expected=None):
        self.host, self.data, self.head_only, self.expected = host, data, head_only, expected


class Answer:
    """Reads one answer after the other out of the bytes of a connection."""

    def __init__(self):
        self.rest = bytearray()
        self.head = None

    def next(self, head_only):
        """Status, whether the connection closes now, and the head in lower case; `None` while the answer is not complete."""
        while self.head is None:
            end = self.rest.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = bytes(self.rest[:end])
            del self.rest[:end + 4]
            status = int(head[9:12])
            if status >= 200:
                self.head = (status, head, head.lower())
                self.left = self.body(status, head_only, self.head[2])
        if not self.rest_of_body():
            return None
        status, head, lower = self.head
        closes = self.left == "to the end" or CLOSES.search(lower) is not None
        self.head = None
        return status, closes, head

    @staticmethod
    def body(status, head_only, lower):
        if head_only or status in (204, 304):
            return 0
        if CHUNKED.search(lower):
            return "chunks"
        length = LENGTH.search(lower)
        return int(length[1]) if length else "to the end"

    def rest_of_body(self):
        if self.left == "to the end":
            self.rest.clear()
            return False
        if self.left == "chunks":
            return self.chunks()
        if len(self.rest) < self.left:
            self.left -= len(self.rest)
            self.rest.clear()
            return False
        del self.rest[:self.left]
        self.left = 0
        return True

    def chunks(self):
        while True:
            line = self.rest.find(b"\r\n")
            if line < 0:
                return False
            size = int(bytes(self.rest[:line]).split(b";")[0], 16)
            if size == 0:
                end = line if self.rest[line:line + 4] == b"\r\n\r\n" else self.rest.find(b"\r\n\r\n")
                if end < 0:
                    return False
                del self.rest[:end + 4]
                return True
            if len(self.rest) < line + 2 + size + 2:
                return False
            del self.rest[:line + 2 + size + 2]


class Connection:
    """A connection to the gateway; asks one request at a time and never blocks."""

    def __init__(self, address, context, host):
        self.host = host
        self.request, self.due, self.out, self.shaken = None, 0.0, b"", False
        self.answer = Answer()
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setblocking(False)
        code = raw.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        self.stream = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)

    def ask(self, request, due):
        self.request, self.due, self.out = request, due, request.data
        if self.shaken:
            return self.push()
        return select.EPOLLIN | select.EPOLLOUT

    def push(self):
        """Sends what is left; gives the events that it waits for then."""
        try:
            while self.out:
                self.out = self.out[self.stream.send(self.out):]
        except ssl.SSLWantWriteError:
            return select.EPOLLIN | select.EPOLLOUT
        except ssl.SSLWantReadError:
            pass
        return select.EPOLLIN

    def turn(self):
        """What can be done now: the answer where it is complete, and the events that are waited for."""
        if not self.shaken:
            try:
                self.stream.do_handshake()
            except ssl.SSLWantReadError:
                return None, select.EPOLLIN
            except ssl.SSLWantWriteError:
                return None, select.EPOLLOUT
            self.shaken = True
        events = self.push()
        try:
            while True:
                data = self.stream.recv(1 << 16)
                if not data:
                    if self.request and self.answer.head and self.answer.left == "to the end":
                        status, head, _ = self.answer.head
                        return (status, True, head), 0
                    raise ConnectionResetError("closed")
                self.answer.rest += data
                if self.request and not self.stream.pending():
                    done = self.answer.next(self.request.head_only)
                    if done:
                        return done, events
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None, events


class Step:
    """One rate for some seconds, in this process."""

    def __init__(self, address, context, requests, weights, connections, seed):
        self.address, self.context, self.requests = address, context, requests
        self.cumulative, total = [], 0.0
        for weight in weights:
            total += weight
            self.cumulative.append(total)
        self.most, self.random = connections, random.Random(seed)
        self.poll, self.open, self.idle = select.epoll(), {}, collections.defaultdict(list)
        self.queue = collections.deque()
        self.latency, self.lag = Histogram(), Histogram()
        self.statuses, self.broken = collections.Counter(), collections.Counter()
        self.sent, self.others, self.unanswered = 0, 0, 0

    def pick(self):
        return self.requests[bisect.bisect_right(self.cumulative, self.random.random() * self.cumulative[-1])]

    def connect(self, host):
        connection = Connection(self.address, self.context, host)
        number = connection.stream.fileno()
        self.open[number] = connection
        self.poll.register(number, select.EPOLLIN | select.EPOLLOUT)
        return connection

    def close(self, connection):
        number = connection.stream.fileno()
        self.open.pop(number, None)
        if connection in self.idle[connection.host]:
            self.idle[connection.host].remove(connection)
        self.poll.unregister(number)
        connection.stream.close()

    def warm(self, seconds=5.0):
        """Connections that stand open before the clock begins, a few for each name."""
        hosts = sorted({request.host for request in self.requests})
        for host in hosts:
            for _ in range(max(1, min(self.most, 32) // len(hosts))):
                self.connect(host)
        waiting, end = set(self.open.values()), time.monotonic() + seconds
        while waiting and time.monotonic() < end:
            for number, _ in self.poll.poll(0.1):
                connection = self.open[number]
                _, events = connection.turn()
                self.poll.modify(number, events)
                if connection.shaken and connection in waiting:
                    waiting.discard(connection)
                    self.idle[connection.host].append(connection)
        for connection in waiting:
            self.close(connection)

    def start(self, request, due, now):
        idle = self.idle[request.host]
        if idle:
            connection = idle.pop()
        elif len(self.open) < self.most:
            connection = self.connect(request.host)
        else:
            spare = next((other.pop() for host, other in self.idle.items() if host != request.host and other), None)
            if spare is None:
                self.queue.append((request, due))
                return
            self.close(spare)
            connection = self.connect(request.host)
        self.sent += 1
        try:
            self.poll.modify(connection.stream.fileno(), connection.ask(request, due))
        except OSError as error:
            self.fail(connection, error)

    def fail(self, connection, error):
        if connection.request:
            self.broken[type(error).__name__] += 1
        self.close(connection)
        self.refill()

    def refill(self):
        while self.queue:
            before = len(self.queue)
            request, due = self.queue.popleft()
            self.start(request, due, time.monotonic())
            if len(self.queue) >= before:
                # it went to the end; it belongs to the beginning
                self.queue.rotate(1)
                return

    def serve(self, number):
        connection = self.open.get(number)
        if connection is None:
            return
        try:
            done, events = connection.turn()
        except (OSError, ValueError, IndexError) as error:
            return self.fail(connection, error)
        if done is None:
            self.poll.modify(number, events)
            return
        status, closes, _ = done
        self.latency.add(time.monotonic() - connection.due)
        self.statuses[status] += 1
        self.others += connection.request.expected not in (None, status)
        connection.request = None
        if closes:
            self.close(connection)
        else:
            self.poll.modify(number, select.EPOLLIN)
            self.idle[connection.host].append(connection)
        self.refill()

    def run(self, rate, seconds, grace, most):
        """At most `most` requests. What is not answered `grace` seconds after the end counts as unanswered."""
        begin = time.monotonic()
        due, end, scheduled = begin, begin + seconds, 0
        busy = time.process_time()
        took = None
        while True:
            now = time.monotonic()
            started = 0
            while due <= now and due < end and scheduled < most and started < 32:
                # how late the load itself is, whatever the gateway does
                self.lag.add(now - due)
                self.start(self.pick(), due, now)
                scheduled += 1
                started += 1
                due += self.random.expovariate(rate)
            over = due >= end or scheduled >= most
            if over and took is None:
                took = max(due if scheduled >= most else end, now) - begin
            in_flight = any(connection.request for connection in self.open.values()) if over else True
            if over and ((not in_flight and not self.queue) or now > end + grace):
                break
            wait = 0.05 if over else min(max(due - now, 0.0), 0.05)
            # epoll itself waits for whole milliseconds only
            if wait:
                select.select([self.poll.fileno()], [], [], wait)
            for number, _ in self.poll.poll(0):
                self.serve(number)
        in_flight = sum(1 for connection in self.open.values() if connection.request)
        self.unanswered = in_flight + len(self.queue)
        took_all = time.monotonic() - begin
        return {"scheduled": scheduled, "sent": self.sent, "statuses": list(self.statuses.items()), "broken": dict(self.broken),
                "unanswered": self.unanswered, "others": self.others, "latency": list(self.latency.counts.items()),
                "lag": list(self.lag.counts.items()), "seconds": took, "all_seconds": took_all,
                "busy": (time.process_time() - busy) / took_all}


class Result:
    """What came of one rate, over all processes."""

    def __init__(self, rate, parts):
        self.rate = rate
        self.scheduled = sum(part["scheduled"] for part in parts)
        self.sent = sum(part["sent"] for part in parts)
        self.unanswered = sum(part["unanswered"] for part in parts)
        self.others = sum(part["others"] for part in parts)
        self.statuses, self.broken = collections.Counter(), collections.Counter()
        self.latency, self.lag = Histogram(), Histogram()
        for part in parts:
            self.statuses.update({int(status): count for status, count in part["statuses"]})
            self.broken.update(part["broken"])
            self.latency.merge(Histogram(map(tuple, part["latency"])))
            self.lag.merge(Histogram(map(tuple, part["lag"])))
        self.answered = self.statuses.total()
        self.seconds = max(part["all_seconds"] for part in parts)
        self.due_seconds = max(part["seconds"] for part in parts)
        self.busy = max(part["busy"] for part in parts)

    @property
    def throughput(self):
        """Answers a second, until the last was there."""
        return self.answered / max(self.seconds, self.due_seconds, 1e-9)


def run(address, context, requests, weights, rate, seconds, connections, processes=1, seed=1, grace=5.0, most=10**9):
    """Asks at `rate` a second for `seconds`, on at most `connections` at a time."""
    parts, pipes, children = [], [], []
    for number in range(processes):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(read)
                gc.disable()
                step = Step(address, context, requests, weights, max(1, connections // processes), seed * 1000 + number)
                step.warm()
                told = step.run(rate / processes, seconds, grace, most // processes + (number < most % processes))
                with os.fdopen(write, "w") as out:
                    json.dump(told, out)
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        pipes.append(read)
        children.append(child)
    for read in pipes:
        with os.fdopen(read) as source:
            text = source.read()
        if text:
            parts.append(json.loads(text))
    for child in children:
        os.waitpid(child, 0)
    if len(parts) < processes:
        raise SystemExit("a process of the load failed; see above")
    return Result(rate, parts)
