#!/usr/bin/env bash
# Installs what the tests need when it is missing, then runs all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # need TEST PACKAGE...: installs the packages where the test fails
  local test=$1
  shift
  eval "$test" >/dev/null 2>&1 && return
  command -v apt-get >/dev/null 2>&1 || { echo "missing: $*; install it and run again" >&2; exit 1; }
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Lookups on an application's database are tried on these. Servers of the tests run as nobody, in a folder of their own.
need "ls /usr/lib/postgresql/*/bin/initdb && command -v psql" postgresql
need "command -v mariadb-install-db && ls /usr/sbin/mariadbd" mariadb-server
need "command -v cc" gcc libc6-dev
need "command -v curl" curl
need "command -v strace" strace
# The real application is Python's: tests/application/setup.sh makes it ready below target.
need "python3 -c 'import ensurepip, venv'" python3 python3-venv
# The browser, with letters for Chinese pages.
need "command -v chromium && command -v chromedriver" chromium chromium-driver
need "fc-list :lang=zh | grep -q ." fontconfig fonts-noto-cjk
# The real readers of requests: what is PHP's, Java's and Perl's from Debian, and npm for what is Node's (tests/reader/setup.sh).
need "test -x /usr/sbin/apache2 && ls /usr/lib/apache2/modules/libphp*.so" apache2 libapache2-mod-php
need "perl -MCGI -MFCGI -MJSON::PP -e 1" libcgi-pm-perl libfcgi-perl
need "test -x /usr/share/tomcat10/bin/catalina.sh" tomcat10 default-jre-headless
need "command -v node" nodejs
need "command -v npm" npm
# Instructions are counted by callgrind, of requests to an application that is nginx.
need "command -v valgrind" valgrind
need "command -v nginx || test -x /usr/sbin/nginx" nginx-light
need "command -v openssl" openssl

cargo test --locked --all-targets
cargo test --locked --doc
# Printed, not judged: the binary of the tests takes about ten times the instructions of one that is optimised.
benches/load/instructions --smoke || echo "instructions were not counted" >&2
