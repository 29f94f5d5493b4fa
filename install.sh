#!/usr/bin/env bash
# Install what the virtual fax system needs on Debian 12: system packages by apt,
# the Python environment in .venv from the lock file. Safe to run again: what is
# there already is left alone.
set -euo pipefail
cd "$(dirname "$0")"

packages=(
    kamailio kamailio-python3-modules kamailio-tls-modules
    libspandsp-dev libtiff-dev gcc libc6-dev python3-dev python3-venv
    postgresql-15 postgresql-plpython3-15 redis-server ghostscript bubblewrap fonts-dejavu-core
    libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui
    chromium tesseract-ocr tesseract-ocr-eng
    sip-tester tshark shellcheck efax poppler-utils libtiff-tools clang-14 libclang-rt-14-dev
)

say() { printf '\033[2m[install] %s\033[0m\n' "$*"; }
die() { printf '[install] %s\n' "$*" >&2; exit 1; }

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || die "apt-get is missing: this system runs on Debian 12."
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "root or sudo is needed to install: ${missing[*]}"
        as_root=(sudo)
    fi
    say "system packages: ${missing[*]}"
    # The packages' own services are not wanted: the demo and the tests start theirs.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
    fi
    mkdir -p var
    log=var/install.log
    {
        "${as_root[@]}" apt-get update -q &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends "${missing[@]}"
    } >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "apt-get failed; the whole log is $log"; }
fi

# Kamailio embeds Debian's Python: the environment has to be made with that one.
python=/usr/bin/python3
if [ ! -x .venv/bin/python ]; then
    say "Python environment"
    "$python" -m venv .venv
fi
state=$(cat requirements.lock pyproject.toml setup.py spandsp_bridge/native/*.[ch] \
            spandsp_bridge/native/build.py | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/state 2>/dev/null || true)" != "$state" ]; then
    say "Python packages from requirements.lock, native engine"
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --no-index --editable .
    # The sandbox of documents sees the code read-only, and would compile it for each document.
    .venv/bin/python -m compileall -q spandsp_bridge
    echo "$state" >.venv/state
fi
