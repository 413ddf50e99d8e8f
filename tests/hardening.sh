#!/usr/bin/env bash
# Holds the real program against testssl.sh and slowhttptest, and against crowds of stalled and idle connections; loopback only.
#
#   tests/hardening.sh          everything (about a quarter of an hour)
#   tests/hardening.sh smoke    protocols, ciphers and each slow attack for a few seconds (about two minutes)
#
# Fails on every finding of testssl.sh beyond LOW that is not accepted below, when the service was not available to somebody else
# during a slow attack, and when a test of the crowds fails. What it wrote stays in target/hardening.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:-full}
case $mode in full | smoke) ;; *) echo "usage: tests/hardening.sh [smoke]" >&2; exit 2 ;; esac

# Findings of testssl.sh beyond LOW that are accepted, each with its reason.
accepted() {
  case $1 in
    # The certificate is of an authority made for this run: nobody else vouches for it, publishes it in logs or tells of its end.
    cert_chain_of_trust | cert_revocation | OCSP_stapling | certificate_transparency | DNS_CAArecord) return 0 ;;
    # Frames, content types and scripts are the application's to restrict; the gateway adds nothing to its pages.
    security_headers) return 0 ;;
    # The tool hangs up at the end of the handshake and then wants a ticket that TLS 1.3 sends after it; tests/server resumes sessions.
    sessionresumption_ticket) return 0 ;;
    # Resolving and calling home are off on loopback.
    engine_problem | scanProblem | scanTime) return 0 ;;
  esac
  return 1
}

need() { # need COMMAND PACKAGE: installs the package where the command is missing; says so where it cannot be had
  command -v "$1" >/dev/null 2>&1 && return
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  if command -v apt-get >/dev/null 2>&1; then
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
  fi
  command -v "$1" >/dev/null 2>&1 || { echo "missing: $2; install it and run again" >&2; exit 1; }
}
need openssl openssl
need python3 python3
need testssl testssl.sh
need slowhttptest slowhttptest
command -v hexdump >/dev/null 2>&1 || need hexdump bsdextrautils

out=$PWD/target/hardening
rm -rf "$out"
mkdir -p "$out/site/routes" "$out/www"
cargo build --quiet --locked
program=$PWD/target/debug/scopegate

# A site of its own: an authority, a certificate, an application of static files.
cd "$out/site"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 365 -subj "/CN=hardening authority" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout gateway.key -out gateway.csr -subj "/CN=localhost" 2>/dev/null
printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n' >leaf.cnf
openssl x509 -req -in gateway.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out gateway.crt -days 90 -extfile leaf.cnf 2>/dev/null
echo "hello" >"$out/www/index.html"
python3 - "$out/www" "$out/ports" <<'PY' &
import functools, http.server, socket, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204); self.end_headers()
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    ports = f"{server.server_address[1]} {free.getsockname()[1]}\n"
with open(sys.argv[2] + ".new", "w") as file: file.write(ports)
import os; os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
PY
application=$!
gateway=
trap 'kill $application $gateway 2>/dev/null || true' EXIT
for _ in $(seq 100); do [ -e "$out/ports" ] && break; sleep 0.1; done
read -r upstream port <"$out/ports"
cat >routes/site.yaml <<YAML
app: site
hosts: [localhost]
upstream: {url: 'http://127.0.0.1:$upstream'}
routes:
  - {id: page, match: [GET /, GET /index.html], public: true, others: forward}
  - {id: form, match: POST /, public: true, body: {stream: ['*/*'], cap: 16MiB}}
YAML
printf 'permissions: {}\nroles: {}\n' >routes/roles.yaml
printf 'people: {}\n' >routes/people.yaml
cat >gateway.yaml <<YAML
node: hardening
workers: 2
listeners: {https: ["127.0.0.1:$port"], admin: []}
tls: {certificates: [{certificate: gateway.crt, key: gateway.key}]}
limits: {first-byte-time: 5s, head-time: 5s, body-time: 5s, answer-time: 5s, idle-time: 10s}
YAML
"$program" run --config gateway.yaml 2>"$out/gateway.log" &
gateway=$!
for _ in $(seq 100); do grep -q "the gateway serves" "$out/gateway.log" && break; sleep 0.1; done
grep -q "the gateway serves" "$out/gateway.log" || { cat "$out/gateway.log" >&2; exit 1; }
cd "$out"
failed=0

echo "== testssl.sh"
parts=(--protocols --std --server-preference --fs --server-defaults --headers --vulnerable)
[ "$mode" = full ] || parts=(--protocols --std --server-defaults)
timeout 900 testssl --quiet --color 0 --warnings off --add-ca site/ca.pem --ip 127.0.0.1 --nodns none --jsonfile testssl.json "${parts[@]}" "localhost:$port" >testssl.txt 2>&1 || true
python3 - testssl.json >findings.txt <<'PY'
import json, sys
for finding in json.load(open(sys.argv[1])):
    if finding["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN"):
        print(finding["id"], finding["severity"], finding["finding"])
PY
grep -q '"id"' testssl.json || { echo "testssl.sh found nothing out:" >&2; tail -20 testssl.txt >&2; exit 1; }
while read -r id rest; do
  accepted "$id" || { echo "finding: $id $rest"; failed=1; }
done <findings.txt
grep -c '"id"' testssl.json | sed 's/$/ findings looked at/'

echo "== slowhttptest"
length=60
[ "$mode" = full ] || length=8
slow() { # slow NAME ARGUMENT...: somebody else must be served all the while
  timeout $((length + 60)) slowhttptest -c 200 -r 100 -l $length -p 3 -g -o "slow-$1" -u "https://localhost:$port/" "${@:2}" >"slow-$1.txt" 2>&1 || true
  # Seconds,Closed,Pending,Connected,Service Available
  if ! awk -F, 'NR > 1 { rows++; if ($5 + 0 == 0) down++ } END { exit !(rows > 0 && down == 0) }' "slow-$1.csv"; then
    echo "$1: the service was not available, see $out/slow-$1.csv"
    failed=1
  else
    echo "$1: available throughout"
  fi
}
slow heads -H -i 2 -t GET -x 24
slow bodies -B -i 2 -s 8192 -t POST -x 10
slow readers -X -w 10 -y 20 -n 5 -z 32 -k 3
slow ranges -R -t HEAD -a 10 -b 3000

kill -0 $gateway 2>/dev/null || { echo "the gateway has ended"; tail -5 gateway.log; failed=1; }
grep -i "panicked" gateway.log && failed=1
cd ../..
if [ "$mode" = full ]; then
  echo "== crowds"
  SCOPEGATE_CHAOS_CROWD=9000 SCOPEGATE_CHAOS_SOCKETS=5000 cargo test --quiet --locked --test chaos -- --nocapture strain || failed=1
fi
exit $failed
