#!/usr/bin/env bash
# Installs the package in a Debian tree, uses it, removes and purges it. Needs root, dpkg and chroot; changes nothing outside of the tree.
#
#   packaging/debian/check.sh kora_0.1.0-1_amd64.deb TREE
#
# TREE comes from: debootstrap --variant=minbase --include=systemd-standalone-sysusers,logrotate bookworm TREE
set -euo pipefail
deb=$(realpath "$1")
tree=$(realpath "$2")
[ "$tree" != / ] || { echo "not on this system itself" >&2; exit 2; }
port=${KORA_CHECK_PORT:-7890}

say() { echo "== $*"; }
in_tree() { chroot "$tree" "$@"; }
cli() { in_tree kora-cli -p "$port" "$@"; }
expect() { # WORDS COMMAND...: the command prints just the words
    local expected=$1 found
    shift
    found=$("$@")
    [ "$found" = "$expected" ] || { echo "$*: '$found', not '$expected'" >&2; exit 1; }
}
server=
start() {
    in_tree setpriv --reuid=kora --regid=kora --init-groups \
        kora-server /etc/kora/kora.conf --port "$port" --daemonize yes --pidfile /var/lib/kora/pid
    server=$(cat "$tree/var/lib/kora/pid")
    for _ in $(seq 100); do
        if cli PING 2>/dev/null | grep -q PONG; then return; fi
        sleep 0.1
    done
    echo "the server does not answer" >&2
    exit 1
}
stop() {
    kill -TERM "$server"
    while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
    server=
}
trap 'if [ -n "$server" ]; then kill -KILL "$server"; fi' EXIT

[ -e "$tree/dev/null" ] || mknod -m 666 "$tree/dev/null" c 1 3
[ -e "$tree/dev/urandom" ] || mknod -m 444 "$tree/dev/urandom" c 1 9
mkdir -p "$tree/proc"
mountpoint -q "$tree/proc" || { mount -t proc proc "$tree/proc"; trap 'if [ -n "$server" ]; then kill -KILL "$server"; fi; umount "$tree/proc"' EXIT; }

say install
cp "$deb" "$tree/kora.deb"
in_tree dpkg -i /kora.deb
rm "$tree/kora.deb"
expect "root:kora 640" in_tree stat -c "%U:%G %a" /etc/kora/kora.conf
expect "kora:kora 750" in_tree stat -c "%U:%G %a" /var/lib/kora
in_tree kora-server --check-config /etc/kora/kora.conf

say pages of the manual, completions
for page in man1/kora-server.1 man1/kora-cli.1 man5/kora.conf.5; do
    zcat "$tree/usr/share/man/$page.gz" | grep -q '^\.SH' || { echo "$page is no page" >&2; exit 1; }
done
completed() { # PROGRAM WORD: what bash would offer
    in_tree bash -c 'source "/usr/share/bash-completion/completions/$1"
        function=$(complete -p "$1" | sed "s/.*-F \([^ ]*\) .*/\1/")
        COMP_WORDS=("$1" "$2"); COMP_CWORD=1; $function "$1" "$2" "$1"; echo "${COMPREPLY[*]}"' bash "$@"
}
expect --latency-history completed kora-cli --latency-h
expect --maxmemory-policy completed kora-server --maxmemory-p
for file in zsh/vendor-completions/_kora-cli fish/vendor_completions.d/kora-cli.fish; do
    grep -q latency-history "$tree/usr/share/$file" || { echo "$file completes nothing" >&2; exit 1; }
done

say start, use, restart with data
start
expect PONG cli PING
expect OK cli SET greeting hello
expect 1 cli EVAL "return redis.call('EXISTS', KEYS[1])" 1 greeting
stop
[ ! -e "$tree/var/lib/kora/pid" ] || { echo "the pid file is still there" >&2; exit 1; }
start
expect hello cli GET greeting
if in_tree setpriv --reuid=kora --regid=kora --init-groups test -w /etc/kora/kora.conf; then
    echo "the server can write to its configuration" >&2
    exit 1
fi

if in_tree sh -c "command -v logrotate" >/dev/null; then
    say rotate the log
    in_tree logrotate --force /etc/logrotate.d/kora
    [ -s "$tree/var/log/kora/kora.log.1" ]
    kill -HUP "$server"
    for _ in $(seq 100); do
        if grep -q "Received SIGHUP" "$tree/var/log/kora/kora.log" 2>/dev/null; then break; fi
        sleep 0.05
    done
    grep -q "Received SIGHUP" "$tree/var/log/kora/kora.log"
fi
stop

say reinstall: what was changed in the configuration stays
echo "# changed here" >> "$tree/etc/kora/kora.conf"
cp "$deb" "$tree/kora.deb"
in_tree dpkg -i --force-confold /kora.deb
rm "$tree/kora.deb"
grep -q "# changed here" "$tree/etc/kora/kora.conf"
start
expect hello cli GET greeting
stop

say remove: configuration and data stay
in_tree dpkg -r kora
[ ! -e "$tree/usr/bin/kora-server" ] && [ -e "$tree/etc/kora/kora.conf" ] && [ -e "$tree/var/lib/kora/dump.rdb" ]

say purge: nothing stays
in_tree dpkg -P kora
for path in etc/kora etc/logrotate.d/kora var/lib/kora var/log/kora usr/share/doc/kora usr/lib/sysusers.d/kora.conf; do
    [ ! -e "$tree/$path" ] || { echo "$path is left behind" >&2; exit 1; }
done
say "the package is right"
